package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// server is the actor of one server. It exists to own the set of its connections
// and its accepting half: it adopts, counts, limits, asks them to leave and kills
// what is left. Its parent is the root; it ends by saying Drained, and the root
// stops it.
type server struct {
	shared  *shared
	adapter Server
	name    string // what the adapter was called at the start; asking it later may race with its Serve
	limits  Limits
	home    *resident

	self    *actor.PID
	root    *actor.PID
	tracker *tracker
	phase   messages.Phase
	addr    string

	live     brood
	stopping map[*actor.PID]struct{} // connections that have said goodbye and are not gone yet
	open     bool                    // there is a listener, and nobody has been told to close it
	accepts  bool                    // the goroutine in Serve has not returned
	unbinds  bool                    // the goroutine in Unbind has not returned
	closes   bool                    // the goroutine in CloseSessions has not returned
	bound    *binding                // the last call of Bind
	returned chan struct{}           // closed when the last call of Unbind has returned
	served   chan struct{}           // closed when the last call of Serve has
	closed   chan struct{}           // closed when CloseSessions has
	said     chan struct{}           // closed when Drain has

	suspended bool
	resuming  chan<- messages.Done // who asked for Suspend or Resume
	binding   bool

	began      time.Time
	reason     string // that it was given
	deadline   time.Time
	allotted   time.Duration // what there was until that
	asked      bool          // every connection has been asked to leave
	cancelled  bool
	forced     bool
	report     messages.ServerReport
	stragglers map[*actor.PID]messages.Connection
	spread     *spread
	timers     []*time.Timer
	deadlines  []*time.Timer
	last       *atomic.Pointer[messages.ServerReport] // what the root finds if this actor is stopped

	seen *seen // what others read of it

	cutSessions, cutUnbind context.CancelFunc
}

// binding is a call of Bind.
type binding struct {
	returned chan struct{} // closed when it has returned
	err      error         // of it, then
}

// What the goroutines of a server report back to it.
type (
	bound struct {
		addr   string
		err    error
		opened bool // there is something to Unbind
	}
	served  struct{ err error }
	unbound struct {
		closed bool // the listener, and it took so long
		took   time.Duration
		err    error
	}
	sessionsClosed struct{ err error }
	quiet          struct{} // no handler runs
	outOfPatience  struct{} // handlers are cancelled
	outOfTime      struct{} // nothing more is waited for
	nextBatch      struct{} // of a spread
)

// getServerStatus comes from the root.
type getServerStatus struct {
	oldest int
	each   int
	reply  chan<- messages.ServerStatus
}

// Receive implements actor.Actor. What comes with each connection stands apart, in
// small frames: the framework runs an actor in goroutines that are new and have
// 2 KiB of stack.
func (s *server) Receive(ctx actor.Context) {
	defer s.contain()
	switch msg := ctx.Message().(type) {
	case messages.Adopt:
		s.adopt(msg)
	case messages.Closed:
		s.onClosed(ctx, msg)
	case *actor.Terminated:
		s.onTerminated(msg)
	default:
		s.receiveRare(ctx)
	}
}

func (s *server) receiveRare(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		s.start(ctx)
	case bound:
		s.onBound(msg)
	case messages.Serve:
		s.serve()
	case messages.Suspend:
		s.suspend(msg)
	case messages.Resume:
		s.resume(msg)
	case messages.Shutdown:
		s.shutdown(msg)
	case sessionsClosed:
		s.onSessionsClosed(msg)
	case unbound:
		s.onUnbound(msg)
	case served:
		s.onServed(msg)
	case nextBatch:
		s.closeBatch()
	case outOfPatience:
		s.cancelAll()
	case messages.ForceShutdown:
		s.kill(msg.Reason, msg.Deadline)
	case quiet:
		s.maybeDone()
	case outOfTime:
		s.abandon()
	case getServerStatus:
		reply(msg.reply, s.status(msg.oldest, msg.each))
	case *actor.Stopping:
		s.stop()
	case *actor.Stopped:
		s.home.leave()
	}
}

// contain keeps a panic of this actor to this server: its connections are ended,
// the failure is reported, the root goes on.
func (s *server) contain() {
	if reason := recover(); reason != nil {
		s.onPanic(reason)
	}
}

func (s *server) onPanic(reason any) {
	s.shared.bus.publish(messages.Panicked{Who: s.name, Reason: reason})
	if s.phase == messages.PhaseDone {
		return // it has reported already
	}
	s.failed(fmt.Errorf("the server's actor panicked: %v\n%s", reason, debug.Stack()))
	if s.tracker == nil { // the adapter's Configure panicked: nothing has been opened
		s.phase = messages.PhaseDone
		s.tellRoot(messages.Drained{Child: s.self, Report: s.report})
		return
	}
	s.kill("panic", time.Time{})
}

func (s *server) fail(err error) {
	if s.report.Err == nil {
		s.report.Err = err
		s.report.Error = err.Error()
	}
}

func (s *server) tell(msg any) { s.shared.system.Root.Send(s.self, msg) }

func (s *server) tellRoot(msg any) { s.shared.system.Root.Send(s.root, msg) }

func (s *server) start(ctx actor.Context) {
	s.self, s.root, s.name = ctx.Self(), ctx.Parent(), s.adapter.Name()
	s.stopping = make(map[*actor.PID]struct{})
	s.limits = s.shared.limits
	if c, ok := s.adapter.(Configurer); ok {
		s.limits = c.Configure(s.limits)
	}
	group := conns.NewGroup(s.name, s.limits.Settings)
	group.OnQuiet(func() { s.tell(quiet{}) })
	s.tracker = newTracker(s.shared, s.self, group, s.limits.MaxConns)
	s.seen.group = group
	s.shared.groups.add(s.seen)
	s.bind()
}

// bind opens the listener, elsewhere; again, if the server is resumed.
func (s *server) bind() {
	s.binding = true
	call := &binding{returned: make(chan struct{})}
	s.bound = call
	limits, again := s.limits, s.suspended
	go func() {
		var b bound
		b.err = guarded("Bind", func() (err error) {
			if err = limits.validate(); err != nil {
				return err
			}
			if r, ok := s.adapter.(Rebinder); ok && again {
				b.opened = true
				b.addr, err = r.Rebind(context.Background())
			} else if binder, ok := s.adapter.(Binder); ok {
				b.opened = true
				b.addr, err = binder.Bind(context.Background())
			}
			return err
		})
		call.err = b.err
		close(call.returned)
		s.tell(b)
	}()
}

func (s *server) onBound(b bound) {
	if s.phase == messages.PhaseDone {
		return // see release
	}
	s.binding = false
	if b.err != nil && s.resuming == nil {
		s.fail(b.err)
		s.shared.bus.publish(messages.ServerFailed{Server: s.name, Err: b.err})
		s.tellRoot(messages.Failed{Server: s.self, Err: b.err})
		s.kill("could not bind", time.Time{})
		s.maybeDone()
		return
	}
	if b.err == nil {
		s.suspended, s.open = false, b.opened
		s.addr, s.report.Addr = b.addr, b.addr
		s.shared.bus.publish(messages.ServerBound{Server: s.name, Addr: b.addr})
	}
	switch {
	case s.phase > messages.PhaseServing:
		s.depart() // asked to shut down while it was binding
	case s.resuming != nil:
		s.answerResume(b.err)
		if b.err == nil {
			s.tracker.resume()
			s.serve()
		}
	default:
		s.tellRoot(messages.Bound{Server: s.self, Addr: b.addr})
	}
}

// serve accepts, elsewhere.
func (s *server) serve() {
	if s.phase > messages.PhaseServing {
		return
	}
	s.phase = messages.PhaseServing
	s.accepts, s.open = true, true
	returned := make(chan struct{})
	s.served = returned
	go func() {
		err := guarded("Serve", func() error { return s.adapter.Serve(s.tracker) })
		close(returned)
		s.tell(served{err})
	}()
}

// breakDown ends a server that cannot go on.
func (s *server) breakDown(err error) {
	s.failed(err)
	s.shutdown(messages.Shutdown{Reason: "failed", Deadline: time.Now().Add(max(s.shared.timeout, leastForce))})
}

// failed tells of a failure.
func (s *server) failed(err error) {
	s.fail(err)
	s.seen.failed.Store(true)
	s.shared.bus.publish(messages.ServerFailed{Server: s.name, Err: err})
	s.tellRoot(messages.Failed{Server: s.self, Err: err})
}

func (s *server) onServed(msg served) {
	s.accepts = false
	if s.phase == messages.PhaseServing && !s.suspended {
		err := msg.err
		if err == nil {
			err = errors.New("it stopped serving without having been asked to")
		}
		s.breakDown(err)
		return
	}
	s.answerSuspend()
	s.drainAdapter()
	s.maybeDone()
}
