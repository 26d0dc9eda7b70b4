//go:build unix

package scenario

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/relay"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

// Server is what a stage needs of the server under test.
type Server interface {
	// Stop asks it to stop, without waiting for what comes of it, and returns the instant of that.
	Stop(context.Context) (time.Time, error)
	// Exited is closed when it has ended.
	Exited() <-chan struct{}
}

// Stage is where one trial of a scenario is played.
type Stage struct {
	*Plan
	scenario *Scenario
	relay    *relay.Relay

	ctx       context.Context // ends when nothing may wait any longer
	over      chan struct{}   // closed -timeout after the signal: no new request
	stopping  atomic.Bool     // set just before the signal: from here on a loss is the shutdown's
	signalled chan struct{}   // closed just after it
	exited    <-chan struct{} // closed when the server has ended
}

// ErrCrashed is a server that ended before it was asked to.
var ErrCrashed = fmt.Errorf("the server ended before the signal")

// lastCall is what a request under way gets when -timeout is over.
const lastCall = time.Second

// Run plays one trial and returns what the clients saw. It returns by -timeout and a second after the signal at the latest.
func (s *Scenario) Run(parent context.Context, plan *Plan, server Server) (trial verdict.Trial, err error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	st := &Stage{
		Plan: plan, scenario: s, ctx: ctx,
		over: make(chan struct{}), signalled: make(chan struct{}), exited: server.Exited(),
	}
	if s.Relayed != nil {
		if st.relay, err = relay.Start(address(s.Relayed(plan)), plan.RTT); err != nil {
			return trial, err
		}
		defer st.relay.Close()
	}
	n := plan.Conns
	if s.Conns != nil {
		n = s.Conns(plan)
	}
	cast := st.enter(n)
	if err := st.awaitReady(cast, n, server); err != nil {
		cancel()
		cast.await()
		return trial, err
	}
	at, err := st.signal(parent, server)
	if err != nil {
		cancel()
		cast.await()
		return trial, err
	}
	last := time.AfterFunc(time.Until(at.Add(plan.Timeout)), func() { close(st.over) })
	defer last.Stop()
	end := time.AfterFunc(time.Until(at.Add(plan.Timeout+lastCall)), cancel)
	defer end.Stop()
	trial = cast.collect()
	trial.Signalled = at
	return trial, parent.Err()
}

// signal asks the server to stop. Losses are the shutdown's from just before, so that none that it caused can seem to
// have come earlier; the clients in their poses are told just after.
func (st *Stage) signal(ctx context.Context, server Server) (time.Time, error) {
	st.stopping.Store(true)
	at, err := server.Stop(ctx)
	close(st.signalled)
	return at, err
}

// awaitReady waits until all clients are in their pose, and then for the settling time.
func (st *Stage) awaitReady(cast *cast, n int, server Server) error {
	patience := time.NewTimer(st.Timeout)
	defer patience.Stop()
	for ready := 0; ready < n; {
		select {
		case <-cast.ready:
			ready++
		case err := <-cast.failed:
			return st.crashedOr(server, fmt.Errorf("before the signal: %w", err))
		case <-server.Exited():
			return ErrCrashed
		case <-patience.C:
			return fmt.Errorf("%d of %d clients had no answer after %v, before the signal", n-ready, n, st.Timeout)
		case <-st.ctx.Done():
			return st.ctx.Err()
		}
	}
	settle := st.scenario.Settle + time.Duration(rand.Int64N(int64(settleJitter)))
	select {
	case <-time.After(settle):
		return nil
	case err := <-cast.failed:
		return st.crashedOr(server, fmt.Errorf("before the signal: %w", err))
	case <-server.Exited():
		return ErrCrashed
	case <-st.ctx.Done():
		return st.ctx.Err()
	}
}

// settleJitter keeps the signal from falling into step with the load.
const settleJitter = 60 * time.Millisecond

// crashedOr prefers the cause to its symptom: clients may see a crash before the reaper does, and an interruption as the
// end of their connections.
func (st *Stage) crashedOr(server Server, err error) error {
	select {
	case <-st.ctx.Done():
		return st.ctx.Err()
	case <-server.Exited():
		return ErrCrashed
	case <-time.After(100 * time.Millisecond):
		return err
	}
}
