//go:build unix

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/scenario"
	"github.com/godrain/drain/cmd/draincheck/internal/target"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

const usage = `draincheck stops a server in the middle of its work and counts what is lost.

    draincheck -url http://127.0.0.1:8080/echo [flags] -- ./my-server -addr 127.0.0.1:8080
    draincheck -url http://127.0.0.1:8080/echo [flags] -pid 4711

Exit status: 0 nothing lost, 1 something lost, cut or hung, 2 could not run.

Flags

`

// Bounds of what may be asked for: this is a tester, not a weapon.
const (
	maxConns   = 5000
	maxTrials  = 100_000
	maxTimeout = 10 * time.Minute
	maxAsked   = 200_000 // requests of one client in one trial
)

// parse reads the command line.
func parse(args []string) (*options, error) {
	o := &options{signal: syscall.SIGTERM}
	o.plan.MaxRequests = maxAsked
	var only string
	fs := flag.NewFlagSet("draincheck", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.urlFlags(fs)
	fs.StringVar(&o.plan.Method, "method", "POST", "method of the requests to -url")
	fs.StringVar(&o.plan.Body, "body", "draincheck", "body of the requests to -url")

	fs.IntVar(&o.pid, "pid", 0, "test a process that runs already: it is stopped once, so name one -scenario")
	fs.StringVar(&o.ready, "ready", "", "`path` that answers 200 when the server is ready (default: its ports take connections)")
	fs.DurationVar(&o.startTimeout, "start-timeout", 10*time.Second, "how long the server may take to become ready")
	fs.Func("signal", "`name` of the signal that stops it: TERM, INT, QUIT, HUP, USR1, USR2 or WINCH (default TERM)", func(s string) (err error) {
		o.signal, err = target.ParseSignal(s)
		return err
	})
	fs.StringVar(&o.stopCmd, "stop-cmd", "", "shell `command` that stops it, in the signal's stead; $PID is the process")

	fs.IntVar(&o.trials, "trials", 3, "stops per scenario")
	fs.IntVar(&o.plan.Conns, "conns", 64, "clients, each with a connection")
	fs.DurationVar(&o.plan.Think, "think", 5*time.Millisecond, "a client thinks for a random time up to this between two requests")
	fs.DurationVar(&o.plan.RTT, "rtt", 10*time.Millisecond, "round-trip time of the relay in the rtt scenario")
	fs.DurationVar(&o.plan.Timeout, "timeout", 30*time.Second, "from the signal to \"hung\"")
	fs.StringVar(&only, "scenario", "", "comma-separated `names` of the scenarios to run (default: all; -list shows them)")
	fs.BoolVar(&o.list, "list", false, "list the scenarios")
	fs.IntVar(&o.maxLost, "max-lost", 0, "exit with 0 if no more than this are lost")
	fs.Func("count-url", "`URL`, of something that outlives the server, that answers the number of requests executed", urlInto(&o.countURL, false))
	fs.Func("count-output", "`regexp` whose last match in the server's output has the number of requests executed as first group",
		func(s string) (err error) {
			o.countOut, err = regexp.Compile(s)
			if err == nil && o.countOut.NumSubexp() < 1 {
				err = errors.New("it has no group, as in 'executed (\\d+)'")
			}
			return err
		})
	fs.BoolVar(&o.iOwn, "i-own-this-host", false, "allow targets that aren't on this machine's loopback")

	fs.Var(&sink{&o.json}, "json", "print JSON in the table's stead; -json=`file` writes it there")
	fs.Var(&sink{&o.junit}, "junit", "print JUnit XML in the table's stead; -junit=`file` writes it there")
	fs.StringVar(&o.html, "html", "", "write a page with pictures to this `file`")

	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(os.Stdout, usage)
			fs.SetOutput(os.Stdout)
			fs.PrintDefaults()
			fmt.Fprint(os.Stdout, "\n"+verdict.Definitions)
		}
		return nil, err
	}
	o.command = fs.Args()
	o.args = args
	if rest := len(args) - fs.NArg(); fs.NArg() > 0 && (rest == 0 || args[rest-1] != "--") {
		return nil, fmt.Errorf("unexpected argument %q: the server's command comes after \"--\", and -json and -junit take their "+
			"file as -json=FILE", fs.Arg(0))
	}
	if o.list {
		return o, nil
	}
	fs.Visit(func(f *flag.Flag) { o.given = append(o.given, f.Name) })
	o.infer()
	return o, errors.Join(o.choose(only), o.validate())
}

// sink is a flag that may stand alone, for the standard output, or name a file.
type sink struct{ to *string }

func (s *sink) String() string   { return "" }
func (s *sink) IsBoolFlag() bool { return true }
func (s *sink) Set(v string) error {
	if *s.to = v; v == "true" {
		*s.to = "-"
	}
	return nil
}

func (o *options) choose(only string) error {
	o.scenarios = scenario.All()
	if !o.named("scenario") {
		return nil
	}
	o.wanted = strings.Split(only, ",")
	for _, name := range o.wanted {
		if !slices.ContainsFunc(o.scenarios, func(s *scenario.Scenario) bool { return s.Name == name }) {
			return fmt.Errorf("no scenario %q: -list shows them", name)
		}
	}
	o.scenarios = slices.DeleteFunc(o.scenarios, func(s *scenario.Scenario) bool { return !slices.Contains(o.wanted, s.Name) })
	return nil
}

// named reports whether the command line has that flag.
func (o *options) named(flag string) bool { return slices.Contains(o.given, flag) }

func (o *options) validate() error {
	switch p := &o.plan; {
	case len(o.urls()) == 0:
		return errors.New("give at least -url (see draincheck -help)")
	case len(o.command) == 0 && o.pid == 0:
		return errors.New("what is to be stopped? Give a command after \"--\", or -pid")
	case len(o.command) > 0 && o.pid != 0:
		return errors.New("a command or -pid, not both")
	case o.pid < 0 || o.pid == 1 || (o.pid != 0 && o.pid == os.Getpid()):
		return fmt.Errorf("-pid %d is not a server", o.pid)
	case o.trials < 1 || o.trials > maxTrials:
		return fmt.Errorf("-trials: 1 to %d", maxTrials)
	case p.Conns < 1 || p.Conns > maxConns:
		return fmt.Errorf("-conns: 1 to %d", maxConns)
	case p.Timeout <= 0 || p.Timeout > maxTimeout:
		return fmt.Errorf("-timeout: more than 0, up to %v", maxTimeout)
	case o.maxLost < 0:
		return errors.New("-max-lost can't be negative")
	case o.stopCmd != "" && o.named("signal"):
		return errors.New("-signal or -stop-cmd, not both: the command stops it in the signal's stead")
	case p.Think < 0 || p.RTT < 0:
		return errors.New("-think and -rtt can't be negative")
	case toStdout(o.json)+toStdout(o.junit)+toStdout(o.html) > 1:
		return errors.New("-json, -junit and -html: only one of them can be printed; write the others to files, as in -json=FILE")
	}
	if _, err := http.NewRequest(o.plan.Method, "/", nil); err != nil || o.plan.Method == "" {
		return fmt.Errorf("-method %q is none", o.plan.Method)
	}
	if o.pid != 0 {
		o.trials = 1
	}
	return o.onlyLoopback()
}

func toStdout(report string) int {
	if report == "-" {
		return 1
	}
	return 0
}

// onlyLoopback refuses targets elsewhere, unless their owner says so.
func (o *options) onlyLoopback() error {
	if o.iOwn {
		return nil
	}
	for _, u := range o.urls() {
		ips, err := net.LookupIP(u.Hostname())
		if err != nil {
			return err
		}
		for _, ip := range ips {
			if !ip.IsLoopback() {
				return fmt.Errorf("%s is not on this machine's loopback: this is a load on a server; if it is yours, say -i-own-this-host",
					u.Hostname())
			}
		}
	}
	return nil
}

func urlInto(to **url.URL, secure bool) func(string) error {
	return func(s string) error {
		u, err := url.Parse(s)
		if err != nil {
			return err
		}
		if !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme) || u.Host == "" {
			return errors.New("want something like http://127.0.0.1:8080/echo")
		}
		if secure && u.Scheme != "https" {
			return errors.New("TLS is what this is about: want something like https://127.0.0.1:8443/echo")
		}
		*to = u
		return nil
	}
}
