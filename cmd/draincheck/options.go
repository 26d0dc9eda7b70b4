//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/report"
	"github.com/godrain/drain/cmd/draincheck/internal/run"
	"github.com/godrain/drain/cmd/draincheck/internal/scenario"
	"github.com/godrain/drain/cmd/draincheck/internal/target"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

// options is what the command line says.
type options struct {
	// Where the server offers what. Nil URLs disable the scenarios that need them.
	plan    scenario.Plan
	base    *url.URL
	tlsBase *url.URL

	// How to start and stop it.
	command      []string
	pid          int
	ready        string
	signal       syscall.Signal
	stopCmd      string
	startTimeout time.Duration

	// How much, and which.
	trials    int
	wanted    []string
	scenarios []*scenario.Scenario
	maxLost   int
	countURL  *url.URL
	countOut  *regexp.Regexp
	iOwn      bool

	// What to tell, and where: "" not at all, "-" on the standard output.
	json, junit, html string
	list              bool
	args              []string
	given             []string // the flags among these
}

func (o *options) runner() *run.Runner {
	r := &run.Runner{
		Plan:      &o.plan,
		Scenarios: o.scenarios,
		Trials:    o.trials,
		Spec: &target.Spec{
			Command: o.command, PID: o.pid, Signal: o.signal, StopCmd: o.stopCmd,
			Addrs: o.addresses(), Ready: o.isReady, StartTimeout: o.startTimeout,
		},
	}
	if o.countURL != nil || o.countOut != nil {
		r.Counter = &run.Counter{URL: o.countURL, Output: o.countOut}
	}
	return r
}

func (o *options) urls() []*url.URL {
	p := &o.plan
	all := []*url.URL{p.URL, p.TLS, p.Slow, p.Stream, p.Download, p.Early, p.H2, p.WS, p.WSBig, p.SSE}
	return slices.DeleteFunc(all, func(u *url.URL) bool { return u == nil })
}

// addresses returns where the server under test listens.
func (o *options) addresses() []string {
	var addrs []string
	for _, u := range o.urls() {
		if a := wire.Address(u); !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// isReady asks -ready if it is given, and in any case whether all addresses take connections.
func (o *options) isReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, a := range o.addresses() {
		c, err := wire.Dialler{Addr: a}.Dial(ctx)
		if err != nil {
			return fmt.Errorf("nothing listens on %s (%w)", a, err)
		}
		c.Close()
	}
	if o.ready == "" {
		return nil
	}
	u, err := o.urls()[0].Parse(o.ready)
	if err != nil {
		return err
	}
	status, _, err := wire.Get(ctx, u)
	if err != nil {
		return fmt.Errorf("%s: %w", u, err)
	}
	if status != 200 {
		return fmt.Errorf("%s answers %d", u, status)
	}
	return nil
}

func list(w io.Writer) {
	for _, s := range scenario.All() {
		needs := s.Needs(&scenario.Plan{})
		fmt.Fprintf(w, "%-13s %s (needs %s)\n", s.Name, s.Title, needs)
	}
}

func (o *options) report(results []*verdict.Result) *report.Report {
	return &report.Report{
		Command: strings.Join(o.command, " "), Args: o.args, PID: o.pid,
		Signal: o.how(), Trials: o.trials, Conns: o.plan.Conns, Think: o.plan.Think, RTT: o.plan.RTT, Timeout: o.plan.Timeout,
		MaxLost: o.maxLost, Wanted: o.wanted, Results: results, Finished: time.Now(),
	}
}

func (o *options) how() string {
	if o.stopCmd != "" {
		return o.stopCmd
	}
	return target.SignalName(o.signal)
}
