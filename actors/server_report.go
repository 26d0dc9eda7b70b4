package actors

import (
	"cmp"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// bereft is a record that knows what is lost with it, once it was killed.
type bereft interface{ Losses() int }

// cut ends a connection that nobody waits for, as it was when it was killed, or is now.
// What is lost with one that does not know is as far as that tells.
func (s *server) cut(pid *actor.PID, record messages.Record, outcome messages.Outcome) {
	last, told := s.stragglers[pid]
	if !told {
		last = record.Snapshot()
		s.note(pid, last)
	}
	record.Kill()
	lost := 0
	if b, ok := record.(bereft); ok {
		lost = b.Losses()
	} else if last.State == messages.StateBusy {
		lost = 1
	}
	s.count(pid, record, outcome, lost)
}

// note remembers a connection for the report, as it is before it is ended.
func (s *server) note(pid *actor.PID, as messages.Connection) {
	if s.stragglers == nil {
		s.stragglers = make(map[*actor.PID]messages.Connection)
	}
	s.stragglers[pid] = as
}

// count enters a connection that has ended into the counters and, during a
// drain, into the report. lost is how many requests were lost with it.
func (s *server) count(pid *actor.PID, record messages.Record, outcome messages.Outcome, lost int) {
	s.tally(outcome, lost)
	if outcome != messages.OutcomeDrained || lost > 0 || s.shared.bus.eachConnection || len(s.stragglers) > 0 {
		s.describeEnd(pid, record, outcome, lost > 0)
	}
}

// describeEnd is for an end that somebody wants to hear of.
func (s *server) describeEnd(pid *actor.PID, record messages.Record, outcome messages.Outcome, lost bool) {
	snapshot, killed := s.stragglers[pid]
	if !killed && (s.shared.bus.eachConnection || outcome == messages.OutcomeCrashed || lost) {
		snapshot = record.Snapshot()
	}
	delete(s.stragglers, pid)
	if s.shared.bus.eachConnection {
		s.shared.bus.publish(messages.ConnectionClosed{Connection: snapshot, Outcome: outcome, Lost: lost})
	}
	if s.phase <= messages.PhaseServing {
		return
	}
	if outcome == messages.OutcomeKilled || outcome == messages.OutcomeCrashed || lost {
		s.report.Stragglers = append(s.report.Stragglers,
			messages.Straggler{Connection: snapshot, Outcome: outcome, Lost: lost})
	}
}

// status describes the server. Naming the oldest takes a look at each of its
// connections; who wants only numbers reads the counters.
func (s *server) status(oldest, each int) messages.ServerStatus {
	st := messages.ServerStatus{
		Server: s.self, Name: s.name, Addr: s.addr, Phase: s.phase, Suspended: s.suspended, Error: s.report.Error,
		Counts: s.tracker.group.Counts(), Oldest: []messages.Connection{},
	}
	all := s.live.len() <= each
	s.each(func(_ *actor.PID, record messages.Record) {
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
	})
	slices.SortFunc(st.Oldest, func(a, b messages.Connection) int { return cmp.Compare(b.Since, a.Since) })
	if oldest <= 0 {
		oldest = 10
	}
	st.Oldest = st.Oldest[:min(len(st.Oldest), oldest)]
	slices.SortFunc(st.Connections, func(a, b messages.Connection) int { return cmp.Compare(a.ID, b.ID) })
	return st
}

// tally adds one ended connection to the counters and the report.
func (s *server) tally(outcome messages.Outcome, lost int) {
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
	group.Lost.Add(int64(lost))
	if draining {
		*entry++
		s.report.Lost += lost
	}
}
