// Command demo is a server that shows what Drain does. One command line starts every
// kind of handler that a shutdown can hurt. Load it, send it SIGTERM, and read the
// Report.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
)

// Exit statuses.
const (
	exitClean = 0 // nothing was killed, crashed or lost
	exitCut   = 1 // something was
	exitUsage = 2 // it did not start
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if err == flag.ErrHelp {
		return exitClean
	}
	if err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return exitUsage
	}
	show := newShow(o.log, stdout, stderr)
	log.SetOutput(io.Discard) // net/http's own complaints; the servers have an ErrorLog
	slog.SetDefault(show.logger)
	panel, err := o.openPanel(show)
	if err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return exitUsage
	}
	defer panel.close()
	servers, err := o.servers(show)
	if err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return exitUsage
	}
	h, err := o.config(show).Start(context.Background(), servers...)
	if err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return exitUsage
	}
	panel.watch(h)
	show.serving(h)
	report, err := h.Wait()
	show.report(report)
	if err != nil {
		return exitCut
	}
	return exitClean
}
