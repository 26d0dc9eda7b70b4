package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// This file is what a server does with each of its connections: Adopt, Closed and
// Terminated.

// accepted is what a server asks of a connection that it takes in.
type accepted interface {
	Claim() bool // nobody else answers for it
	Age() time.Duration
}

// adopt takes a connection in. One that comes during the drain is served once
// and asked to leave.
func (s *server) adopt(msg messages.Adopt) {
	if s.phase == messages.PhaseDone {
		s.shared.system.Root.Stop(msg.Connection)
		return
	}
	if c, ok := msg.Record.(accepted); ok {
		if !c.Claim() {
			return // its actor has been stopped meanwhile
		}
		s.tracker.group.Adoption.Observe(c.Age())
	}
	s.live.add(msg.Connection, msg.Record)
	switch {
	case s.forced:
		s.killOne(msg.Connection, msg.Record, "adopted after the kill")
	case s.asked:
		s.send(msg.Connection, messages.Close{})
	}
	if s.cancelled {
		s.send(msg.Connection, messages.Cancel{})
	}
}

func (s *server) send(connection *actor.PID, msg any) {
	s.shared.system.Root.Send(connection, msg)
}

// onClosed is a connection's goodbye: only now may it be stopped.
func (s *server) onClosed(ctx actor.Context, msg messages.Closed) {
	record := s.forget(msg.Connection, msg.Record)
	if record == nil {
		return
	}
	s.count(msg.Connection, record, msg.Outcome, msg.Lost)
	s.stopping[msg.Connection] = struct{}{}
	ctx.Stop(msg.Connection)
	s.maybeDone()
}

// onTerminated is the end of a connection's actor. Without a goodbye before it,
// the actor has crashed, and its socket with it.
func (s *server) onTerminated(msg *actor.Terminated) {
	if _, expected := s.stopping[msg.Who]; expected {
		delete(s.stopping, msg.Who)
	} else if record := s.forget(msg.Who, nil); record != nil { // or it was stopped before it was adopted
		s.onCrashed(msg.Who, record)
	}
	s.maybeDone()
}

func (s *server) onCrashed(connection *actor.PID, record messages.Record) {
	s.shared.bus.publish(messages.Panicked{Who: connection.Id, Reason: "terminated without a goodbye"})
	s.cut(connection, record, messages.OutcomeCrashed)
}

// forget returns the connection's record, nil if it was none of the server's any
// more. Who does not know the record may ask with nil: that takes longer.
func (s *server) forget(connection *actor.PID, record messages.Record) messages.Record {
	record = s.live.remove(connection, record)
	if record != nil {
		s.tracker.group.Open.Add(-1)
		s.tracker.leave()
	}
	return record
}
