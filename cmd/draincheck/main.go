//go:build unix

// Command draincheck stops a server in the middle of its work, again and again, and counts what was lost.
//
//	draincheck -url http://127.0.0.1:8080/echo -- ./my-server -addr 127.0.0.1:8080
//
// It works with any server in any language: it starts a command (or takes a PID), loads it, sends the signal, and says what
// became of every request. Without further flags it runs every scenario that needs only the URL. The others are reported
// as "not run", with the flag that would enable them. draincheck -help defines what is counted.
//
// For scripts, draincheck -json prints everything as JSON on the standard output. Exit status: 0 nothing lost, 1 something
// lost, cut or hung, 2 could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/godrain/drain/cmd/draincheck/internal/report"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

func main() {
	os.Exit(check(os.Args[1:]))
}

// check is the whole command; it returns the exit status.
func check(args []string) int {
	opts, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return verdict.ExitClean
	case err != nil:
		fmt.Fprintln(os.Stderr, "draincheck:", err)
		return verdict.ExitNotRun
	}
	if opts.list {
		list(os.Stdout)
		return verdict.ExitClean
	}
	if err := opts.writable(); err != nil {
		fmt.Fprintln(os.Stderr, "draincheck:", err)
		return verdict.ExitNotRun
	}
	// The first Ctrl-C ends the run cleanly; a second one finds the default handler again and kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	runner := opts.runner()
	screen := report.NewScreen(opts.screen(), os.Stderr, runner.Stops())
	runner.Progress, runner.Done = screen.Progress, screen.Row
	screen.Header()
	results := runner.Run(ctx)
	screen.Close()

	rep := opts.report(results)
	screen.Details(rep)
	code := verdict.ExitCode(results, opts.maxLost, opts.wanted)
	if err := opts.write(rep); err != nil {
		fmt.Fprintln(os.Stderr, "draincheck:", err)
		code = max(code, verdict.ExitNotRun)
	}
	return code
}
