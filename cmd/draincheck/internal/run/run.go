//go:build unix

// Package run takes a server through the scenarios: for each trial it is started, loaded, stopped and reaped.
package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/scenario"
	"github.com/godrain/drain/cmd/draincheck/internal/target"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

// Runner is a whole run.
type Runner struct {
	Plan      *scenario.Plan
	Spec      *target.Spec
	Scenarios []*scenario.Scenario
	Trials    int
	Counter   *Counter // nil if the server reports no count

	// Progress hears of every trial that has ended, Done of every scenario. Either may be nil.
	Progress func(*verdict.Result)
	Done     func(*verdict.Result)
}

// Stops is how many times the server will be stopped, unless something fails.
func (r *Runner) Stops() int {
	n := 0
	for _, s := range r.Scenarios {
		if s.Needs(r.Plan) == "" {
			n += r.Trials
		}
	}
	return n
}

// Run runs all scenarios, or as many as it may until ctx ends, and returns what is known.
func (r *Runner) Run(ctx context.Context) []*verdict.Result {
	var results []*verdict.Result
	var hopeless error
	for _, s := range r.Scenarios {
		res := &verdict.Result{Name: s.Name, Title: s.Title, Enable: s.Needs(r.Plan)}
		results = append(results, res)
		switch {
		case res.Enable != "":
		case ctx.Err() != nil:
			res.Err = ErrInterrupted
		case hopeless != nil:
			res.Err = hopeless
		default:
			hopeless = r.scenario(ctx, s, res)
		}
		if r.Done != nil {
			r.Done(res)
		}
	}
	return results
}

// ErrInterrupted is a scenario that Ctrl-C came before.
var ErrInterrupted = errors.New("interrupted")

var (
	errStopped = errors.New("not tried: the process given by -pid has been stopped, and that can be done only once")
	errNoStart = errors.New("not tried: the server could not be started")
)

// scenario runs one scenario's trials. It returns an error if there is no point in trying another scenario.
func (r *Runner) scenario(ctx context.Context, s *scenario.Scenario, res *verdict.Result) error {
	for range r.Trials {
		p, err := r.Spec.Start(ctx)
		if err != nil {
			res.Err = interruptedOr(ctx, err)
			return errNoStart
		}
		t, err := r.trial(ctx, s, p)
		switch {
		case err == nil && t.Early > 0: // so what it lost after the signal can't be laid to the stop
			err = fmt.Errorf("%d requests failed before the signal: this server loses requests without being stopped", t.Early)
		case err == nil:
			res.Add(t)
		}
		if r.Progress != nil {
			r.Progress(res)
		}
		switch {
		case err != nil:
			res.Err = interruptedOr(ctx, &verdict.Failure{Reason: err.Error(), Output: p.Output()})
		case t.Hung && res.Output == "":
			res.Output = p.Output()
		}
		if r.Spec.PID != 0 {
			return errStopped
		}
		if err != nil {
			return nil
		}
	}
	return nil
}

func interruptedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	return err
}

// trial loads and stops a server that is ready. On its return the server is reaped.
func (r *Runner) trial(ctx context.Context, s *scenario.Scenario, p *target.Process) (verdict.Trial, error) {
	defer p.Release()
	before, err := r.Counter.Before(ctx)
	if err != nil {
		return verdict.Trial{}, err
	}
	t, err := s.Run(ctx, r.Plan, p)
	if errors.Is(err, scenario.ErrCrashed) {
		return t, fmt.Errorf("the server crashed, or exited, before the signal: %s", p.Exit().Status)
	}
	if err != nil {
		return t, err
	}
	if err := r.awaitExit(ctx, p, &t); err != nil {
		return t, err
	}
	r.remark(p, &t)
	if r.Counter != nil {
		t.Executed, err = r.Counter.Executed(ctx, before, p)
		t.Counted = err == nil
	}
	return t, err
}

// awaitExit waits until the server has exited, or has hung and been killed.
func (r *Runner) awaitExit(ctx context.Context, p *target.Process, t *verdict.Trial) error {
	latest := t.Signalled.Add(r.Plan.Timeout)
	patience := time.NewTimer(time.Until(latest))
	defer patience.Stop()
	select {
	case <-p.Exited():
	case <-ctx.Done():
		return ErrInterrupted
	case <-patience.C:
	}
	// Clients may have stayed until after that instant, so that both had come long ago: then the exit counts.
	select {
	case <-p.Exited():
		t.Exited = p.Exit().At
		t.Hung = t.Exited.After(latest)
	default:
		if err := p.StopError(); err != nil {
			return err
		}
		t.Hung = true
		t.Exited = time.Now()
		t.Notes = append(t.Notes, r.hungNote(ctx))
		p.Release()
	}
	return nil
}
