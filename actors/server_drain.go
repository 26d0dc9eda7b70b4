package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/godrain/drain/messages"
)

// This file is a server's way out:
//
//	shutdown ─▶ (sessions close) ─▶ unbind ─▶ Close to every connection ─▶ maybeDone ─▶ goodbye
//	                                                kill ───────────────────────┘
//
// Everything that may end it goes through maybeDone.

func (s *server) shutdown(msg messages.Shutdown) {
	if s.phase > messages.PhaseServing {
		s.hasten(msg.Deadline)
		return
	}
	if msg.Deadline.IsZero() { // from somebody who has its PID: the root says one
		msg.Deadline = time.Now().Add(max(s.shared.timeout, leastForce))
	}
	s.phase = messages.PhaseDraining
	s.began, s.reason = time.Now(), msg.Reason
	close(s.tracker.lifted)
	s.hold(msg.Deadline)
	if !s.binding { // else onBound goes on
		s.depart()
	}
}

// depart closes the sessions, if there are any, and then the listener.
func (s *server) depart() {
	if sessions, ok := s.adapter.(SessionCloser); ok && s.served != nil && !s.forced {
		ctx, cancel := context.WithDeadline(context.Background(), s.deadline)
		s.closes, s.cutSessions, s.closed = true, cancel, make(chan struct{})
		go s.closeSessions(ctx, sessions, s.closed)
		return
	}
	s.unbind()
}

// hasten is for a server that drains already, or is killed, when the tree is asked to: its
// deadline may be earlier.
func (s *server) hasten(deadline time.Time) {
	switch {
	case s.phase == messages.PhaseDone || deadline.IsZero() || !deadline.Before(s.deadline):
	case s.forced:
		s.deadline = deadline
		s.endure()
	default:
		s.hold(deadline)
	}
}

// hold sets the deadline. The root is not the only one who may ask: a server that drains
// alone holds it itself. If it is the root who does, that comes first.
func (s *server) hold(deadline time.Time) {
	s.stopTimers(&s.deadlines)
	s.deadline, s.allotted = deadline, time.Until(deadline)
	s.tracker.group.Drain(deadline)
	due := func(left time.Duration, msg any) {
		s.deadlines = append(s.deadlines, time.AfterFunc(max(left, soonest), func() { s.tell(msg) }))
	}
	due(s.allotted-cancelMargin(s.allotted), outOfPatience{})
	due(s.allotted-killMargin(s.allotted)*3/4, messages.ForceShutdown{Reason: "the deadline has come"})
}

// soonest is for a timer that is due: with 0, one in a bubble of testing/synctest runs in
// the midst of its making, which the race detector does not always survive (Go 1.26).
const soonest = time.Nanosecond

func (s *server) after(d time.Duration, f func()) {
	s.timers = append(s.timers, time.AfterFunc(max(d, soonest), f))
}

// closeSessions runs in a goroutine of its own. A panic of the adapter's is its
// error, here as wherever else it is called.
func (s *server) closeSessions(ctx context.Context, sessions SessionCloser, returned chan<- struct{}) {
	defer close(returned)
	s.tell(sessionsClosed{guarded("CloseSessions", func() error { return sessions.CloseSessions(ctx) })})
}

// guarded calls the adapter and makes an error of a panic.
func guarded(what string, f func() error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%s panicked: %v\n%s", what, reason, debug.Stack())
		}
	}()
	return f()
}

func (s *server) onSessionsClosed(msg sessionsClosed) {
	if msg.err != nil && !errors.Is(msg.err, context.DeadlineExceeded) {
		s.fail(msg.err)
	}
	s.closes = false
	s.cutSessions()
	s.unbind()
}

// unbindLimit bounds how long a listener may go on accepting what comes: under a
// flood it never falls quiet. It takes no more than a quarter of the drain.
const unbindLimit = 3 * time.Second

// unbind closes the listener, elsewhere.
func (s *server) unbind() {
	if s.unbinds || s.binding {
		return
	}
	if !s.open {
		s.onUnbound(unbound{})
		return
	}
	s.open, s.unbinds = false, true
	limit := unbindLimit
	if !s.deadline.IsZero() {
		limit = min(limit, time.Until(s.deadline)/4)
	}
	if s.forced || !s.accepts {
		limit = 0 // nobody empties its queue
	}
	returned := make(chan struct{})
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	s.returned, s.cutUnbind = returned, cancel
	go func() {
		defer close(returned)
		defer cancel()
		start := time.Now()
		err := guarded("Unbind", func() error { return s.adapter.Unbind(ctx) })
		s.tell(unbound{closed: true, took: time.Since(start), err: err})
	}()
}

func (s *server) onUnbound(msg unbound) {
	s.unbinds = false
	if msg.err != nil {
		s.fail(msg.err)
	}
	if msg.closed {
		s.shared.bus.publish(messages.ServerUnbound{Server: s.name, Addr: s.addr, Took: msg.took})
	}
	if s.phase <= messages.PhaseServing { // suspended
		if msg.err != nil {
			s.answerResume(msg.err)
			s.breakDown(msg.err)
			return
		}
		s.answerSuspend()
		return
	}
	if s.closes && !s.forced {
		return // this was Suspend's
	}
	if !s.forced {
		s.closeAll()
		s.drainAdapter()
	}
	s.maybeDone()
}

// drainAdapter lets the adapter say a goodbye of its own, elsewhere.
func (s *server) drainAdapter() {
	if d, ok := s.adapter.(Drainer); ok && s.asked && !s.forced && !s.accepts && s.served != nil {
		said := make(chan struct{})
		s.said = said
		go func() {
			defer close(said)
			if err := guarded("Drain", func() error { d.Drain(); return nil }); err != nil {
				s.shared.bus.publish(messages.Panicked{Who: s.name, Reason: err})
			}
		}()
	}
}

// closeAll asks every connection to leave: all at once, but for WebSockets that
// are to be spread.
func (s *server) closeAll() {
	s.asked = true
	s.spread = newSpread(s.tracker.group.Spread, s.each, s.deadline)
	for pid := range s.live.each() {
		if !s.spread.holds(pid) {
			s.send(pid, messages.Close{})
		}
	}
	s.closeBatch()
}

// closeBatch closes the next WebSockets of a spread and sets the clock for those
// after them.
func (s *server) closeBatch() {
	if s.forced || s.spread == nil {
		return
	}
	for _, pid := range s.spread.next() {
		s.send(pid, messages.Close{}) // to nobody, if it has left meanwhile
	}
	if pause, more := s.spread.pause(); more {
		s.after(pause, func() { s.tell(nextBatch{}) })
	}
}

// cancelAll cancels what is being handled: the deadline is near.
func (s *server) cancelAll() {
	s.cancelled = true
	for pid := range s.live.each() {
		s.send(pid, messages.Cancel{})
	}
}

// maybeDone says goodbye as soon as nothing is left.
func (s *server) maybeDone() {
	if s.phase <= messages.PhaseServing || s.phase == messages.PhaseDone || s.binding ||
		s.closes || s.unbinds || s.accepts || s.live.len() > 0 || len(s.stopping) > 0 || s.tracker.group.InFlight.Load() > 0 {
		return
	}
	s.goodbye()
}

func (s *server) goodbye() {
	s.phase = messages.PhaseDone
	close(s.tracker.gone)
	s.stopTimers(&s.timers)
	s.stopTimers(&s.deadlines)
	s.report.Name = s.name
	s.report.Running = int(s.tracker.group.InFlight.Load())
	s.report.Took = time.Since(s.began)
	// The root may end the tree, and with it the events, as soon as it is told.
	s.shared.bus.publish(messages.ServerDrained{Report: s.report})
	s.tellRoot(messages.Drained{Child: s.self, Report: s.report, Reason: s.reason})
	s.release(s.binding || s.open)
}

func (s *server) stopTimers(timers *[]*time.Timer) {
	for _, t := range *timers {
		t.Stop()
	}
	*timers = nil
}

// release ends what a server's actor leaves, elsewhere: it waits for what still
// runs in the adapter, and closes what that has left open.
func (s *server) release(open bool) {
	bound, wasBound := s.bound, s.addr != ""
	returned, served, closed, said := s.returned, s.served, s.closed, s.said
	go func() {
		<-bound.returned
		wait(returned)
		if open && bound.err == nil {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = guarded("Unbind", func() error { return s.adapter.Unbind(ctx) })
		}
		wait(served)
		wait(closed)
		wait(said)
		if r, ok := s.adapter.(Releaser); ok && (wasBound || bound.err == nil) {
			_ = guarded("Release", func() error { r.Release(); return nil })
		}
	}()
}

// wait waits until a call has returned; one that there never was has no channel.
func wait(returned <-chan struct{}) {
	if returned != nil {
		<-returned
	}
}
