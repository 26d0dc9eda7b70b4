package actors

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// spread is the order in which WebSockets are closed, some at a time, those that
// have been idle the longest first.
type spread struct {
	conns.Spread
	held  map[*actor.PID]struct{}
	queue []*actor.PID
	hurry time.Time // when what is left is closed at once
	plan  time.Time // of the batch before, without its jitter: what is late does not add up
}

// spreadShare is the part of the time to the deadline that spreading may take;
// the rest is for the closing handshakes.
const spreadShare = 0.75

// newSpread looks at every connection; each calls a function with all of them.
func newSpread(how conns.Spread, each func(func(*actor.PID, messages.Record)), deadline time.Time) *spread {
	s := &spread{Spread: how, hurry: time.Now().Add(time.Duration(float64(time.Until(deadline)) * spreadShare))}
	if how.Batch <= 0 {
		return s
	}
	quiet := make(map[*actor.PID]time.Duration)
	s.held = make(map[*actor.PID]struct{})
	each(func(pid *actor.PID, record messages.Record) {
		if c := record.Snapshot(); c.Protocol == conns.WebSocketProtocol {
			s.held[pid] = struct{}{}
			s.queue = append(s.queue, pid)
			if c.State == messages.StateIdle {
				quiet[pid] = c.Since
			}
		}
	})
	slices.SortFunc(s.queue, func(a, b *actor.PID) int { return cmp.Compare(quiet[b], quiet[a]) })
	return s
}

func (s *spread) holds(pid *actor.PID) bool {
	_, ok := s.held[pid]
	return ok
}

// next are the connections to close now.
func (s *spread) next() []*actor.PID {
	n := min(s.Batch, len(s.queue))
	if time.Now().After(s.hurry) {
		n = len(s.queue)
	}
	batch := s.queue[:n]
	s.queue = s.queue[n:]
	return batch
}

// pause is how long to wait for the next batch, and whether there is one.
func (s *spread) pause() (time.Duration, bool) {
	if len(s.queue) == 0 {
		return 0, false
	}
	if s.plan.IsZero() {
		s.plan = time.Now()
	}
	s.plan = s.plan.Add(s.Interval)
	pause := time.Until(s.plan)
	if s.Jitter > 0 {
		random := time.Duration(s.Jitter * float64(s.Interval))
		pause += time.Duration((rand.Float64() - 0.5) * float64(random))
	}
	return pause, true
}
