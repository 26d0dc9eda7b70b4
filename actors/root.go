package actors

import (
	"fmt"
	"sync/atomic"
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
	kids    []*kid

	askers  []asker // of the Report
	waiting []chan<- messages.Done
	failure error

	reason   string
	began    time.Time // of the drain
	entered  time.Time // of its current phase
	deadline time.Time
	forced   bool
	phases   []messages.PhaseTook
	timers   []*time.Timer
	report   *messages.Report
}

// kid is a child as the root sees it.
type kid struct {
	Child
	pid     *actor.PID
	bound   bool
	drained bool
	report  messages.ServerReport
	reason  string                                // it was given, if it was asked to drain alone
	reply   chan<- messages.Done                  // who registered it
	leaving chan<- messages.UnregisterDone        // who unregistered it
	timer   *time.Timer                           // of its deadline
	gone    chan struct{}                         // closed when it can answer no more
	last    atomic.Pointer[messages.ServerReport] // of a server that was stopped without a drain
}

// asker is somebody who asked for the Report.
type asker struct {
	pid   *actor.PID
	reply chan<- messages.Report
}

// What the root's timers tell it.
type (
	readyDelayOver struct{}
	killDue        struct{}
	deadlineOver   struct{}
)

// AwaitServing asks the root to say when everything it was started with is
// bound and serves, or why not. It is answered with messages.Done.
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
	case messages.Bound:
		r.onBound(msg)
	case messages.Failed:
		r.onFailed(msg)
	case messages.Drained:
		r.onDrained(ctx, msg)
	case *actor.Terminated:
		r.onTerminated(msg)
	case messages.Shutdown:
		r.ask(ctx.Sender(), msg.Reply)
		r.shutdown(msg)
	case readyDelayOver:
		r.drain()
	case messages.ForceShutdown:
		r.ask(ctx.Sender(), msg.Reply)
		r.force(msg.Reason)
	case killDue:
		r.kill("the deadline has come")
	case deadlineOver:
		r.finish(ctx)
	case AwaitServing:
		r.await(msg.Reply)
	case Register:
		r.register(ctx, msg)
	case messages.Unregister:
		r.unregister(msg)
	case messages.Suspend:
		r.forward(msg.Name, msg.Reply, func(reply chan<- messages.Done) any { return messages.Suspend{Reply: reply} })
	case messages.Resume:
		r.forward(msg.Name, msg.Reply, func(reply chan<- messages.Done) any { return messages.Resume{Reply: reply} })
	case messages.GetStatus:
		r.status(ctx.Sender(), msg)
	case *actor.Stopping:
		r.stop()
	}
}

// contain keeps the root alive: the framework would replace it by an empty one.
func (r *root) contain() {
	if reason := recover(); reason != nil && r.shared != nil {
		r.shared.bus.publish(messages.Panicked{Who: "root", Reason: reason})
	}
}

// HandleFailure implements actor.SupervisorStrategy. A server mends itself and
// keeps its connections; an actor of yours is restarted.
func (r *root) HandleFailure(system *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID,
	rs *actor.RestartStatistics, reason, message any,
) {
	if k := r.kid(child); k != nil && k.server != nil {
		supervisor.ResumeChildren(child)
		return
	}
	actor.DefaultSupervisorStrategy().HandleFailure(system, supervisor, child, rs, reason, message)
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

func (r *root) spawn(ctx actor.Context, c Child) (*kid, error) {
	for _, k := range r.kids {
		if k.name == c.name {
			return nil, fmt.Errorf("drain: there is a server named %q already; give each a name of its own", c.name)
		}
	}
	k := &kid{Child: c, bound: c.server == nil, gone: make(chan struct{})}
	props := c.props
	if c.server != nil {
		props = serverProps(c.server, r.shared, &k.last)
	}
	k.pid = ctx.SpawnPrefix(props, "drain-")
	r.kids = append(r.kids, k)
	return k, nil
}

func serverProps(s Server, sh *shared, last *atomic.Pointer[messages.ServerReport]) *actor.Props {
	home := newResident()
	return actor.PropsFromProducer(
		func() actor.Actor { return &server{adapter: s, shared: sh, last: last, home: home} },
		actor.WithDispatcher(home),
		actor.WithSupervisor(actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })),
	)
}

func (r *root) kid(pid *actor.PID) *kid {
	for _, k := range r.kids {
		if pid != nil && k.pid.Id == pid.Id {
			return k
		}
	}
	return nil
}

func (r *root) onBound(msg messages.Bound) {
	k := r.kid(msg.Server)
	k.bound, k.report.Addr = true, msg.Addr
	if r.phase == messages.PhaseServing {
		r.send(k.pid, messages.Serve{})
		reply(k.reply, messages.Done{Server: k.pid, Addr: msg.Addr})
		k.reply = nil
		return
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
	for _, k := range r.kids {
		if k.server != nil {
			r.send(k.pid, messages.Serve{})
		}
	}
	r.answerWaiting(nil)
}

func (r *root) onFailed(msg messages.Failed) {
	k := r.kid(msg.Server)
	err := fmt.Errorf("server %q: %w", k.name, msg.Err)
	reply(k.reply, messages.Done{Server: k.pid, Err: fmt.Errorf("drain: %w", err)})
	k.reply = nil
	if r.phase == messages.PhaseStarting {
		r.fail("could not start", fmt.Errorf("drain: %w", err))
	}
}

// fail ends a tree that could not start.
func (r *root) fail(reason string, err error) {
	r.failure = err
	r.answerWaiting(err)
	r.force(reason)
}

func (r *root) await(to chan<- messages.Done) {
	switch {
	case r.failure != nil:
		reply(to, messages.Done{Err: r.failure})
	case r.phase == messages.PhaseStarting:
		r.waiting = append(r.waiting, to)
	default:
		reply(to, messages.Done{})
	}
}

func (r *root) answerWaiting(err error) {
	for _, to := range r.waiting {
		reply(to, messages.Done{Err: err})
	}
	r.waiting = nil
}
