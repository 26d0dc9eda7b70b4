// Command bench measures what Drain costs. It runs the managed and the bare version
// in turns, with the server and its clients in separate processes. "go run ./bench
// -list" names the experiments; docs/performance.md has their results.
//
// A measurement is a list of pairs. It reports the median of the pairs' ratios and
// the 95 % interval of that median (bootstrap), because other work on the machine
// disturbs both halves of a pair alike. Where requests are measured, the servers are
// new processes after every ten pairs.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

// options is the command line.
type options struct {
	pairs   int
	window  time.Duration
	conns   int
	plot    string
	profile string
	brief   bool
}

// experiment is one line of the table in docs/performance.md.
type experiment struct {
	name string
	what string
	run  func(options) (result, error)
}

func experiments() []experiment {
	return []experiment{
		{"keepalive", "server CPU per keep-alive request, managed / bare", cpuOf("http", 1.03)},
		{"tls", "the same over TLS", cpuOf("tls", 1.03)},
		{"h2", "the same over HTTP/2", cpuOf("h2", 1.05)},
		{"connect", "connections per second, one request each, managed / bare", connectRate},
		{"ws-echo", "WebSocket echoes per second, 1,000 connections, managed / bare gorilla", echoRate("ws", "ws", 0.98)},
		{"lean-echo", "the same, servers/wsactor / bare gorilla", echoRate("wsactor", "ws", 0)},
		{"memory-http", "memory per idle keep-alive connection, managed - bare", memoryOf("http", "http", 1)},
		{"memory-ws", "memory per idle WebSocket, managed - bare gorilla", memoryOf("ws", "ws", 1)},
		{"memory-lean", "memory per idle WebSocket of servers/wsactor, beside bare gorilla", memoryOf("wsactor", "ws", 0)},
		{"drain-http", "cold keep-alive connections drained / http.Server.Close on as many", drainTime("http", 1.5)},
		{"drain-ws", "idle WebSockets closed by handshake / http.Server.Close on as many plain ones", drainTime("ws", 2.5)},
		{"growth", "drain-ws and drain-http from 1,000 to 18,000", growth},
		{"tree", "the tree alone, 1,000 to 1,000,000 connections in memory", tree},
		{"report", "the last connection's end to the Report", reportLatency},
		{"spread", "15,000 WebSockets closed over 10 s", spreadRate},
	}
}

func main() {
	if role := os.Getenv("BENCH_SERVE"); role != "" {
		serve(role)
		return
	}
	if n := os.Getenv("BENCH_TREE"); n != "" {
		serveTree(n)
		return
	}
	var o options
	list := flag.Bool("list", false, "name the experiments")
	flag.IntVar(&o.pairs, "pairs", 20, "pairs to measure")
	flag.DurationVar(&o.window, "window", time.Second, "length of half a pair, for rates and CPU")
	flag.IntVar(&o.conns, "conns", 0, "connections; 0 is the experiment's own number")
	flag.StringVar(&o.plot, "plot", "", "`file` for a plot (SVG)")
	flag.StringVar(&o.profile, "profile", "", "`prefix` of CPU profiles of the servers")
	flag.BoolVar(&o.brief, "brief", false, "see that it works, and no more")
	flag.Parse()
	if o.brief {
		o.pairs, o.window = 1, 100*time.Millisecond
	}
	if *list {
		for _, e := range experiments() {
			fmt.Printf("%-12s %s\n", e.name, e.what)
		}
		return
	}
	if err := run(o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run makes the named experiments, or all of them.
func run(o options, names []string) error {
	if len(names) == 0 {
		for _, e := range experiments() {
			names = append(names, e.name)
		}
	}
	for _, name := range names {
		found := false
		for _, e := range experiments() {
			if e.name != name {
				continue
			}
			found = true
			fmt.Printf("== %s: %s; %s\n", e.name, e.what, load())
			r, err := e.run(o)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Print(r)
			if o.plot != "" {
				if err := os.WriteFile(o.plot, []byte(plot(e.what, r)), 0o644); err != nil {
					return err
				}
			}
		}
		if !found {
			return errors.New("there is no experiment " + name + "; see -list")
		}
	}
	return nil
}
