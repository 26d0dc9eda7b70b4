package actors

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/conns"
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
		return
	}
	s.phase = messages.PhaseDraining
	s.began, s.deadline = time.Now(), msg.Deadline
	s.tracker.group.Drain(msg.Deadline)
	close(s.tracker.lifted)
	s.cancelling = time.AfterFunc(time.Until(msg.Deadline)-cancelMargin(s.shared.timeout), func() {
		s.tracker.group.Cancel(conns.ErrKilled)
	})
	if sessions, ok := s.adapter.(SessionCloser); ok && s.accepts {
		go func() {
			ctx, cancel := context.WithDeadline(context.Background(), msg.Deadline)
			defer cancel()
			s.tell(sessionsClosed{sessions.CloseSessions(ctx)})
		}()
		s.unbinds = true
		return
	}
	s.unbind()
}

func (s *server) onSessionsClosed(msg sessionsClosed) {
	if msg.err != nil && !errors.Is(msg.err, context.DeadlineExceeded) {
		s.fail(msg.err)
	}
	s.unbinds = false
	s.unbind()
}

// unbindLimit bounds how long a listener may go on accepting what comes: under a
// flood it never falls quiet.
const unbindLimit = time.Second

// unbind closes the listener, elsewhere.
func (s *server) unbind() {
	if s.unbinds || s.binding {
		return
	}
	if !s.accepts && (s.suspended || s.addr == "") {
		s.onUnbound(unbound{}) // no listener is open
		return
	}
	s.unbinds = true
	limit := unbindLimit
	if s.forced {
		limit = 0
	}
	returned := make(chan struct{})
	s.returned = returned
	go func() {
		defer close(returned)
		start := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		err := s.adapter.Unbind(ctx)
		s.tell(unbound{time.Since(start), err})
	}()
}

func (s *server) onUnbound(msg unbound) {
	s.unbinds = false
	if msg.err != nil {
		s.fail(msg.err)
	}
	if msg.took > 0 {
		s.shared.bus.publish(messages.ServerUnbound{Server: s.name, Addr: s.addr, Took: msg.took})
	}
	if s.phase <= messages.PhaseServing { // suspended
		s.answerSuspend()
		return
	}
	s.tellRoot(messages.Unbound{Server: s.self})
	if !s.forced {
		s.closeAll()
	}
	s.maybeDone()
}

// closeAll asks every connection to leave: all at once, but for WebSockets that
// are to be spread.
func (s *server) closeAll() {
	s.spread = newSpread(s.tracker.group.Spread, s.live, s.deadline)
	for pid := range s.live {
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
		if _, ok := s.live[pid]; ok {
			s.send(pid, messages.Close{})
		}
	}
	if pause, more := s.spread.pause(); more {
		time.AfterFunc(pause, func() { s.tell(nextBatch{}) })
	}
}

// killPatience is how long a forced server waits for its connections and
// handlers to end, if the deadline leaves it the time.
const killPatience = 2 * time.Second

// The deadline is when the Report must be there. Contexts are cancelled, and
// connections killed, a little before it.
func cancelMargin(timeout time.Duration) time.Duration { return min(timeout/10, 500*time.Millisecond) }

func killMargin(timeout time.Duration) time.Duration { return min(timeout/20, 200*time.Millisecond) }

const reportMargin = 20 * time.Millisecond

// kill ends everything now.
func (s *server) kill(reason string) {
	if s.forced {
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
	group.Cancel(conns.ErrKilled)
	s.stragglers = make(map[*actor.PID]messages.Connection, len(s.live))
	for pid, record := range s.live {
		s.killOne(pid, record, reason)
	}
	s.unbind()
	patience := killPatience
	if !s.deadline.IsZero() {
		patience = min(patience, time.Until(s.deadline)-reportMargin)
	}
	s.giveUp = time.AfterFunc(max(patience, 0), func() { s.tell(outOfTime{}) })
	s.maybeDone()
}

func (s *server) killOne(pid *actor.PID, record messages.Record, reason string) {
	s.stragglers[pid] = record.Snapshot()
	s.shared.bus.publish(messages.ConnectionKilled{Connection: s.stragglers[pid], Reason: reason})
	s.send(pid, messages.Kill{})
}

// maybeDone says goodbye as soon as nothing is left.
func (s *server) maybeDone() {
	if s.phase <= messages.PhaseServing || s.phase == messages.PhaseDone || s.binding ||
		s.unbinds || s.accepts || len(s.live) > 0 || s.stopping > 0 || s.tracker.group.InFlight.Load() > 0 {
		return
	}
	s.goodbye()
}

// abandon says goodbye although something is left, and names it.
func (s *server) abandon() {
	if s.phase == messages.PhaseDone {
		return
	}
	for pid, record := range s.live {
		s.tracker.group.Open.Add(-1)
		s.count(pid, record, messages.OutcomeKilled, true)
		record.Kill()
	}
	clear(s.live)
	s.goodbye()
}

func (s *server) goodbye() {
	s.phase = messages.PhaseDone
	close(s.tracker.gone)
	for _, t := range []*time.Timer{s.giveUp, s.cancelling} {
		if t != nil {
			t.Stop()
		}
	}
	s.answerResume(ErrServerGone)
	group := s.tracker.group
	group.Cancel(conns.ErrKilled)
	s.report.Name = s.name
	s.report.Running = int(group.InFlight.Load())
	s.report.Took = time.Since(s.began)
	s.tellRoot(messages.Drained{Child: s.self, Report: s.report})
	s.shared.bus.publish(messages.ServerDrained{Report: s.report})
	if r, ok := s.adapter.(Releaser); ok && !s.unbindable {
		unbinding := s.returned
		go func() {
			if unbinding != nil {
				<-unbinding // at the deadline it may not have returned yet
			}
			r.Release()
		}()
	}
}

// stop is the last resort: the actor was stopped without having been drained.
func (s *server) stop() {
	if s.phase == messages.PhaseDone || s.tracker == nil {
		return
	}
	s.phase, s.forced = messages.PhaseDone, true
	close(s.tracker.gone)
	s.tracker.group.Drain(time.Now())
	s.tracker.group.Cancel(conns.ErrKilled)
	adapter, live, system := s.adapter, s.live, s.shared.system
	s.shared.bus.publish(messages.ServerFailed{Server: s.name, Err: ErrServerGone})
	go func() {
		for pid, record := range live {
			record.Kill()
			system.Root.Stop(pid)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = adapter.Unbind(ctx)
		if r, ok := adapter.(Releaser); ok {
			r.Release()
		}
	}()
}

var errBetween = errors.New("it is not serving, or being suspended or resumed already")

// suspend stops accepting without draining.
func (s *server) suspend(msg messages.Suspend) {
	switch {
	case s.phase != messages.PhaseServing || s.resuming != nil || s.binding:
		reply(msg.Reply, messages.Done{Server: s.self, Err: errBetween})
	case s.suspended:
		reply(msg.Reply, messages.Done{Server: s.self})
	default:
		s.suspended, s.resuming = true, msg.Reply
		s.tracker.pause()
		s.unbind()
	}
}

// answerSuspend answers when the listener is closed and nobody accepts.
func (s *server) answerSuspend() {
	if s.suspended && !s.unbinds && !s.accepts && !s.binding {
		s.answerResume(nil)
	}
}

func (s *server) resume(msg messages.Resume) {
	switch {
	case s.phase != messages.PhaseServing || s.resuming != nil || s.binding:
		reply(msg.Reply, messages.Done{Server: s.self, Err: errBetween})
	case !s.suspended:
		reply(msg.Reply, messages.Done{Server: s.self, Addr: s.addr})
	default:
		s.resuming = msg.Reply
		s.bind()
	}
}

func (s *server) answerResume(err error) {
	reply(s.resuming, messages.Done{Server: s.self, Addr: s.addr, Err: err})
	s.resuming = nil
}

// status describes the server. Naming the oldest takes a look at each of its
// connections; who wants only numbers reads the counters.
func (s *server) status(oldest, each int) messages.ServerStatus {
	st := messages.ServerStatus{
		Server: s.self, Name: s.name, Addr: s.addr, Phase: s.phase, Suspended: s.suspended,
		Counts: s.tracker.group.Counts(), Oldest: []messages.Connection{},
	}
	all := len(s.live) <= each
	for _, record := range s.live {
		c := record.Snapshot()
		if all {
			st.Connections = append(st.Connections, c)
		}
		switch c.State {
		case messages.StateNew:
			st.States.New++
		case messages.StateIdle:
			st.States.Idle++
		case messages.StateReading:
			st.States.Reading++
		case messages.StateBusy:
			st.States.Busy++
		case messages.StateLeaving:
			st.States.Leaving++
		}
		if c.State != messages.StateIdle && c.State != messages.StateNew {
			st.Oldest = append(st.Oldest, c)
		}
	}
	slices.SortFunc(st.Oldest, func(a, b messages.Connection) int { return cmp.Compare(b.Since, a.Since) })
	if oldest <= 0 {
		oldest = 10
	}
	st.Oldest = st.Oldest[:min(len(st.Oldest), oldest)]
	slices.SortFunc(st.Connections, func(a, b messages.Connection) int { return cmp.Compare(a.ID, b.ID) })
	return st
}

// tally adds one ended connection to the counters and the report.
func (s *server) tally(outcome messages.Outcome, lost bool) {
	group, draining := s.tracker.group, s.phase > messages.PhaseServing
	counter, entry := &group.Drained, &s.report.Drained
	switch outcome {
	case messages.OutcomeUnanswered:
		counter, entry = &group.Unanswered, &s.report.Unanswered
	case messages.OutcomeKilled:
		counter, entry = &group.Killed, &s.report.Killed
	case messages.OutcomeCrashed:
		counter, entry = &group.Crashed, &s.report.Crashed
	case messages.OutcomeRefused:
		counter, entry = &group.Refused, &s.report.Refused
	}
	counter.Add(1)
	if lost {
		group.Lost.Add(1)
	}
	if draining {
		*entry++
		if lost {
			s.report.Lost++
		}
	}
}

// reply answers on a channel that may be nil and never waits for it.
func reply[T any](to chan<- T, answer T) {
	select {
	case to <- answer:
	default:
	}
}
