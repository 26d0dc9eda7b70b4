package actors

import (
	"cmp"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// This file is the root's children: how they come, and how they end.

// kid is a child as the root sees it.
type kid struct {
	Child
	pid     *actor.PID
	bound   bool
	drained bool
	report  messages.ServerReport
	reason  string                                // it was given, if it was asked to drain alone
	before  messages.Counts                       // of a server, when it was told to end
	ordered any                                   // the last that it was told, if that was to end
	came    func(messages.Done)                   // answers who registers it; nil when that is over
	leaves  func(messages.UnregisterDone)         // answers who unregistered it; nil if nobody has
	timers  []*time.Timer                         // of its deadline, if it drains alone
	gone    chan struct{}                         // closed when it can answer no more
	last    atomic.Pointer[messages.ServerReport] // of a server that was stopped without a drain
	seen    *seen                                 // of a server
}

func (r *root) kid(pid *actor.PID) *kid {
	for _, k := range r.kids {
		if pid != nil && k.pid.Id == pid.Id {
			return k
		}
	}
	return nil
}

func (r *root) spawn(ctx actor.Context, c Child) (*kid, error) {
	for _, k := range r.kids {
		if k.name == c.name {
			return nil, fmt.Errorf("drain: there is a server named %q already; give each a name of its own", c.name)
		}
	}
	k := &kid{Child: c, bound: c.server == nil, gone: make(chan struct{})}
	props := c.props
	if c.server != nil {
		k.seen = &seen{}
		props = serverProps(c.server, r.shared, k)
	}
	switch {
	case props == nil:
		return nil, fmt.Errorf("drain: the child %q has neither a server nor Props", c.name)
	case c.name == "": // Suspend and Resume take that for all
		return nil, errors.New("drain: a child of the root has no name: give it one")
	}
	if err := k.spawn(ctx, props); err != nil {
		return nil, err
	}
	r.kids = append(r.kids, k)
	return k, nil
}

// spawn starts the child's actor. A producer that panics is an error: of the actor that
// has been registered then nothing is left.
func (k *kid) spawn(ctx actor.Context, props *actor.Props) (err error) {
	registry := ctx.ActorSystem().ProcessRegistry
	name := "drain-" + registry.NextId()
	defer func() {
		if reason := recover(); reason != nil {
			registry.Remove(actor.NewPID(registry.Address, ctx.Self().Id+"/"+name))
			err = fmt.Errorf("drain: the child %q could not be started: it panicked: %v", k.name, reason)
		}
	}()
	k.pid, err = ctx.SpawnNamed(props, name)
	return err
}

func serverProps(s Server, sh *shared, k *kid) *actor.Props {
	home := newResident()
	return actor.PropsFromProducer(
		func() actor.Actor { return &server{adapter: s, shared: sh, last: &k.last, seen: k.seen, home: home} },
		actor.WithDispatcher(home),
		actor.WithSupervisor(actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })),
	)
}

func (r *root) onBound(msg messages.Bound) {
	k := r.kid(msg.Server)
	k.bound, k.report.Addr = true, msg.Addr
	if r.phase == messages.PhaseServing {
		r.send(k.pid, messages.Serve{})
		if k.came != nil {
			k.came(messages.Done{Addr: msg.Addr})
			k.came = nil
		}
		return
	}
	r.maybeServe()
}

// onDrained is a child's goodbye.
func (r *root) onDrained(ctx actor.Context, msg messages.Drained) {
	k := r.kid(msg.Child)
	if k == nil || k.drained {
		return
	}
	addr := k.report.Addr
	k.drained, k.report, k.reason = true, msg.Report, msg.Reason
	k.report.Name = k.name
	if k.report.Addr == "" {
		k.report.Addr = addr
	}
	if k.report.Err != nil && k.report.Error == "" {
		k.report.Error = k.report.Err.Error()
	}
	ctx.Stop(k.pid)
	r.settle(k)
	if r.phase == messages.PhaseStarting {
		r.fail("could not start", cmp.Or(k.report.Fault(), errUnserved))
	}
	r.maybeFinish()
}

// settle answers whoever waits for a child that has ended.
func (r *root) settle(k *kid) {
	close(k.gone)
	for _, t := range k.timers {
		t.Stop()
	}
	if k.came != nil || (k.leaves != nil && r.phase <= messages.PhaseServing) {
		r.forget(k) // it never was of the tree, or is not any more; else the Report has it
	}
	if k.came != nil {
		k.came(messages.Done{Err: cmp.Or(k.report.Fault(), fmt.Errorf("drain: server %q: %w", k.name, ErrServerGone))})
		k.came = nil
	}
	if k.leaves != nil {
		k.leaves(messages.UnregisterDone{Report: k.report, Err: k.report.Fault()})
	}
}

func (r *root) forget(gone *kid) {
	for i, k := range r.kids {
		if k == gone {
			r.kids = append(r.kids[:i:i], r.kids[i+1:]...)
			if k.seen != nil {
				k.seen.failed.Store(false)
				k.seen.gone.Store(true)
			}
			return
		}
	}
}

// onEnded is a child's end; without a goodbye it has crashed.
func (r *root) onEnded(pid *actor.PID) {
	k := r.kid(pid)
	if k == nil || k.drained {
		return
	}
	k.drained = true
	addr := k.report.Addr
	if last := k.last.Load(); last != nil {
		k.report = *last
	}
	k.report.Name, k.report.Addr = k.name, addr
	crash := "its actor terminated without a goodbye"
	if k.server != nil {
		crash += "; its connections were cut"
		k.seen.failed.Store(true)
	}
	k.report.Err = errors.Join(errors.New(crash), k.report.Err)
	k.report.Error = k.report.Err.Error()
	r.shared.bus.publish(messages.Panicked{Who: k.name, Reason: k.report.Err})
	r.settle(k)
	if r.phase == messages.PhaseStarting {
		r.fail("could not start", fmt.Errorf("drain: server %q: %w", k.name, k.report.Err))
	}
	r.maybeFinish()
}

// cutKid stops a child that has not said how it stands.
func (r *root) cutKid(ctx actor.Context, k *kid) {
	k.report.Name = k.name
	r.countLeft(k)
	k.report.Err = errors.New("it did not say Drained by the deadline, and was stopped")
	k.report.Error = k.report.Err.Error()
	ctx.Stop(k.pid)
}

// giveUp ends a child that was to drain alone, and has not.
func (r *root) giveUp(ctx actor.Context, k *kid) {
	if k.drained || r.report != nil {
		return
	}
	r.cutKid(ctx, k)
	k.drained = true
	r.settle(k)
	r.maybeFinish()
}

// countLeft enters what is cut with a child that has not said how it stands, and what it
// has ended before.
func (r *root) countLeft(k *kid) {
	k.report.Killed = 1
	if k.server == nil {
		return
	}
	c, b := r.gauges.Servers()[k.name], k.before
	if k.ordered == nil { // it was never told to end
		b = c
	}
	k.report.Drained, k.report.Unanswered = int(c.Drained-b.Drained), int(c.Unanswered-b.Unanswered)
	k.report.Crashed, k.report.Refused = int(c.Crashed-b.Crashed), int(c.Refused-b.Refused)
	k.report.Killed, k.report.Lost = int(c.Killed-b.Killed+c.Open), int(c.Lost-b.Lost+c.Busy)
	k.report.Running = int(c.InFlight)
}
