package actors

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// root is the actor at the top of a tree. It exists to have one deadline and one
// report: it spawns the servers, broadcasts Shutdown, and completes when every
// child has said goodbye. Its parent is yours, or the actor system. It ends when
// its parent stops it, which is right after its Report.
type root struct {
	config   Config
	gauges   *Gauges
	children []Child
	shared   *shared

	self    *actor.PID
	parent  *actor.PID
	started time.Time
	phase   messages.Phase
	served  bool // everything that it was started with was bound
	kids    []*kid

	askers  []asker // of the Report
	waiting []func(messages.Done)
	failure error

	reason   string
	began    time.Time // of the drain
	entered  time.Time // of its current phase
	deadline time.Time
	margin   time.Duration // how long before it is killed what is left
	forced   bool
	phases   []messages.PhaseTook
	timers   []*time.Timer
	report   *messages.Report
}

// asker is somebody who asked for the Report.
type asker struct {
	pid   *actor.PID
	reply chan<- messages.Report
}

// What the root's timers tell it, and what it tells itself. A root that its parent has
// restarted has the same PID: what was meant for the one before it says so.
type (
	readyDelayOver struct{ of *root }
	killDue        struct{ of *root }
	deadlineOver   struct{ of *root }
	kidDue         struct{ of *kid }        // one that drains alone is to be killed
	kidDeadline    struct{ of *kid }        // of one that drains alone
	ended          struct{ pid *actor.PID } // a child's actor has terminated, and all that it had sent has been read
)

// AwaitServing asks the root to say when everything it was started with is
// bound and serves, or why not. It is answered with messages.Done, on Reply and to the
// sender.
type AwaitServing struct{ Reply chan<- messages.Done }

// Root makes the Props of a tree. Spawn them as a child of your own actor, send
// it messages.Shutdown, and get messages.Report; then stop it. Shut it down by
// that message before you stop yourself: a stop from above is no drain.
//
// A configuration that is not valid, or a server that cannot bind, comes back as
// the error of the Report, which the parent gets without having asked.
func Root(config Config, children ...Child) *actor.Props {
	props, _ := RootWithGauges(config, children...)
	return props
}

// RootWithGauges is Root, and the tree's counters.
func RootWithGauges(config Config, children ...Child) (*actor.Props, *Gauges) {
	gauges := &Gauges{groups: &groups{}}
	return actor.PropsFromProducer(func() actor.Actor {
		return &root{config: config.WithDefaults(), failure: config.Validate(), children: children, gauges: gauges}
	}), gauges
}

// Receive implements actor.Actor.
func (r *root) Receive(ctx actor.Context) {
	defer r.contain()
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		r.start(ctx)
	case messages.Shutdown:
		r.ask(ctx.Sender(), msg.Reply)
		r.shutdown(msg)
	case messages.ForceShutdown:
		r.ask(ctx.Sender(), msg.Reply)
		r.force(msg.Reason, msg.Deadline)
	case AwaitServing:
		r.await(answerer(r, ctx, msg.Reply))
	case Register:
		r.register(ctx, msg.Child, answerer(r, ctx, msg.Reply))
	case messages.Unregister:
		r.unregister(msg.Name, answerer(r, ctx, msg.Reply))
	case messages.Suspend:
		r.forward(msg.Name, answerer(r, ctx, msg.Reply), func(reply chan<- messages.Done) any { return messages.Suspend{Reply: reply} })
	case messages.Resume:
		r.forward(msg.Name, answerer(r, ctx, msg.Reply), func(reply chan<- messages.Done) any { return messages.Resume{Reply: reply} })
	case messages.GetStatus:
		r.status(msg, answerer(r, ctx, msg.Reply))
	case *actor.Stopping, *actor.Restarting:
		r.stop()
	default:
		r.receiveOwn(ctx)
	}
}

// receiveOwn is what comes from its children and from itself.
func (r *root) receiveOwn(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case messages.Bound:
		r.onBound(msg)
	case messages.Failed:
		r.onFailed(msg)
	case messages.Drained:
		r.onDrained(ctx, msg)
	case messages.Report: // of a tree in this one
		r.onDrained(ctx, messages.Drained{Child: ctx.Sender(), Report: summary(msg), Reason: msg.Reason})
	case *actor.Terminated:
		r.tell(ended{msg.Who}) // a system message: it has overtaken a Drained, it may be
	case ended:
		r.onEnded(msg.pid)
	case readyDelayOver:
		if msg.of == r {
			r.drain()
		}
	case killDue:
		if msg.of == r {
			r.kill("the deadline has come")
		}
	case deadlineOver:
		if msg.of == r {
			r.over(ctx)
		}
	case kidDue:
		if !msg.of.drained {
			r.order(msg.of, messages.ForceShutdown{Reason: "the deadline has come"})
		}
	case kidDeadline:
		r.giveUp(ctx, msg.of)
	}
}

// answerer answers on a channel that may be nil, and the sender, if there is one.
func answerer[T any](r *root, ctx actor.Context, to chan<- T) func(T) {
	system, sender := ctx.ActorSystem(), ctx.Sender()
	return func(answer T) {
		reply(to, answer)
		if sender != nil {
			system.Root.Send(sender, answer)
		}
	}
}

// contain keeps the root alive: the framework would replace it by an empty one.
func (r *root) contain() {
	if reason := recover(); reason != nil && r.shared != nil {
		r.shared.bus.publish(messages.Panicked{Who: "root", Reason: reason})
	}
}

// HandleFailure implements actor.SupervisorStrategy. A server mends itself and
// keeps its connections; an actor of yours is restarted, and told again what it may have
// failed over.
func (r *root) HandleFailure(system *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID,
	rs *actor.RestartStatistics, reason, message any,
) {
	k := r.kid(child)
	if k != nil && k.server != nil {
		supervisor.ResumeChildren(child)
		return
	}
	actor.DefaultSupervisorStrategy().HandleFailure(system, supervisor, child, rs, reason, message)
	if k != nil && !k.drained && k.ordered != nil {
		r.send(child, k.ordered)
	}
}

func (r *root) tell(msg any) { r.shared.system.Root.Send(r.self, msg) }

func (r *root) send(to *actor.PID, msg any) {
	r.shared.system.Root.RequestWithCustomSender(to, msg, r.self)
}

func (r *root) start(ctx actor.Context) {
	r.self, r.parent, r.started = ctx.Self(), ctx.Parent(), time.Now()
	r.shared = &shared{
		system: ctx.ActorSystem(), bus: newBus(r.config.Subscribers),
		limits: r.config.Limits, timeout: r.config.Timeout, groups: r.gauges.groups,
	}
	r.gauges.bus.Store(r.shared.bus)
	if r.failure != nil {
		r.fail("could not start", r.failure)
		return
	}
	for _, c := range r.children {
		if _, err := r.spawn(ctx, c); err != nil {
			r.fail("could not start", err)
			return
		}
	}
	r.maybeServe()
}

// maybeServe starts to serve once everything is bound: nothing is half started.
func (r *root) maybeServe() {
	if r.phase != messages.PhaseStarting {
		return
	}
	for _, k := range r.kids {
		if !k.bound {
			return
		}
	}
	r.enter(messages.PhaseServing)
	r.served = true
	for _, k := range r.kids {
		if k.server != nil {
			r.send(k.pid, messages.Serve{})
		}
	}
	r.answerWaiting(nil)
}

// onFailed is of a server that says Drained next: who registered it is answered then,
// when its name is free again.
func (r *root) onFailed(msg messages.Failed) {
	if r.phase == messages.PhaseStarting {
		r.fail("could not start", fmt.Errorf("drain: server %q: %w", r.kid(msg.Server).name, msg.Err))
	}
}

// fail ends a tree that could not start.
func (r *root) fail(reason string, err error) {
	r.failure = err
	r.answerWaiting(err)
	r.force(reason, time.Time{})
}

func (r *root) await(answer func(messages.Done)) {
	switch {
	case r.failure != nil:
		answer(messages.Done{Err: r.failure})
	case r.phase == messages.PhaseStarting:
		r.waiting = append(r.waiting, answer)
	case r.phase >= messages.PhaseDraining && !r.served:
		answer(messages.Done{Err: errUnserved})
	default:
		answer(messages.Done{})
	}
}

func (r *root) answerWaiting(err error) {
	for _, answer := range r.waiting {
		answer(messages.Done{Err: err})
	}
	r.waiting = nil
}

var errUnserved = errors.New("drain: shut down before it served")
