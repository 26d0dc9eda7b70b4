package actors

import (
	"cmp"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// multiplexed is the record of a connection that may have several requests in progress.
type multiplexed interface{ InProgress() int }

// inProgress is how many requests are lost with a connection that nobody can ask any
// more, as far as its description, and its record, tell.
func inProgress(record messages.Record, c messages.Connection) int {
	if c.State != messages.StateBusy {
		return 0
	}
	if m, ok := record.(multiplexed); ok {
		return max(1, m.InProgress())
	}
	return 1
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
