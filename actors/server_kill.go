package actors

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// This file is a server's end by force: the deadline has come, somebody has asked for
// it, or its actor was stopped.

// killPatience is how long a forced server waits for its connections and
// handlers to end, if the deadline leaves it the time.
const killPatience = 2 * time.Second

// leastForce is what a tree with a very short Timeout has nevertheless, to close
// what it has opened.
const leastForce = 100 * time.Millisecond

// The deadline is when the Report must be there. Contexts are cancelled, and
// connections killed, a little before it.
func cancelMargin(timeout time.Duration) time.Duration { return min(timeout/4, 500*time.Millisecond) }

func killMargin(timeout time.Duration) time.Duration { return min(timeout/8, 300*time.Millisecond) }

func reportMargin(timeout time.Duration) time.Duration { return min(timeout/20, 100*time.Millisecond) }

// kill ends everything now.
func (s *server) kill(reason string, deadline time.Time) {
	if s.forced || s.phase == messages.PhaseDone {
		s.hasten(deadline)
		return
	}
	s.forced = true
	if s.phase <= messages.PhaseServing {
		s.phase = messages.PhaseDraining
		s.began = time.Now()
		close(s.tracker.lifted)
	}
	s.phase = messages.PhaseKilling
	group := s.tracker.group
	group.Drain(time.Now())
	s.stragglers = make(map[*actor.PID]messages.Connection, s.live.len())
	s.each(func(pid *actor.PID, record messages.Record) { s.killOne(pid, record, reason) })
	s.cutShort()
	s.unbind()
	if s.phase == messages.PhaseDone {
		return
	}
	if s.deadline.IsZero() {
		s.allotted = max(s.shared.timeout, leastForce)
		s.deadline = time.Now().Add(s.allotted)
	}
	if !deadline.IsZero() && deadline.Before(s.deadline) {
		s.deadline, s.allotted = deadline, time.Until(deadline)
	}
	s.endure()
	s.maybeDone()
}

// endure waits for what has been killed to end, and leaves the root the time to hear of it.
func (s *server) endure() {
	left := time.Until(s.deadline)
	patience := min(killPatience, left-min(reportMargin(s.allotted), left/2))
	patience = max(patience, killMargin(s.allotted)/4) // the process was frozen: see root.over
	s.after(patience, func() { s.tell(outOfTime{}) })
}

// cutShort ends the contexts of what still runs in the adapter.
func (s *server) cutShort() {
	for _, cut := range []context.CancelFunc{s.cutSessions, s.cutUnbind} {
		if cut != nil {
			cut()
		}
	}
}

func (s *server) killOne(pid *actor.PID, record messages.Record, reason string) {
	last := record.Snapshot()
	s.note(pid, last)
	s.shared.bus.publish(messages.ConnectionKilled{Connection: last, Reason: reason})
	s.send(pid, messages.Kill{})
}

// abandon says goodbye although something is left, and names it.
func (s *server) abandon() {
	if s.phase == messages.PhaseDone {
		return
	}
	s.cutAll(messages.OutcomeKilled)
	for _, call := range []struct {
		what string
		runs bool
	}{{"Bind", s.binding}, {"CloseSessions", s.closes}, {"Unbind", s.unbinds}, {"Serve", s.accepts}} {
		if call.runs {
			s.fail(fmt.Errorf("its %s had not returned by the deadline", call.what))
		}
	}
	s.goodbye()
}

// cutAll ends what is left without waiting for its goodbye.
func (s *server) cutAll(outcome messages.Outcome) {
	s.each(func(pid *actor.PID, record messages.Record) {
		s.forget(pid, record)
		s.shared.system.Root.Stop(pid)
		defer record.Kill() // whatever becomes of it
		s.cut(pid, record, outcome)
	})
}

// each calls f with every connection: one that panics, since a listener of the
// user's has made it, must not keep the others from being ended.
func (s *server) each(f func(*actor.PID, messages.Record)) {
	for pid, record := range s.live.each() {
		if err := guarded("a connection", func() error { f(pid, record); return nil }); err != nil {
			s.shared.bus.publish(messages.Panicked{Who: s.name, Reason: err})
			s.fail(err)
		}
	}
}

// stop is the last resort: the actor was stopped without having been drained.
func (s *server) stop() {
	if s.tracker == nil {
		return
	}
	if s.phase == messages.PhaseDone {
		if s.accepts {
			go s.tracker.sweep()
		}
		return
	}
	s.phase, s.forced = messages.PhaseDone, true
	close(s.tracker.gone)
	s.stopTimers(&s.timers)
	s.stopTimers(&s.deadlines)
	s.tracker.group.Drain(time.Now())
	s.cutAll(messages.OutcomeCrashed)
	s.cutShort()
	s.report.Running = int(s.tracker.group.InFlight.Load())
	report := s.report
	s.last.Store(&report)
	s.shared.bus.publish(messages.ServerFailed{Server: s.name, Err: ErrServerGone})
	go s.tracker.sweep()
	s.release(s.binding || s.open)
}
