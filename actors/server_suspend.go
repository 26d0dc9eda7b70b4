package actors

import (
	"errors"

	"github.com/godrain/drain/messages"
)

var errBetween = errors.New("it is not serving, or being suspended or resumed already")

// suspend stops accepting without draining.
func (s *server) suspend(msg messages.Suspend) {
	switch {
	case s.phase != messages.PhaseServing || s.resuming != nil || s.binding:
		reply(msg.Reply, messages.Done{Err: errBetween})
	case s.suspended:
		reply(msg.Reply, messages.Done{})
	default:
		if err := s.cannotSuspend(); err != nil {
			reply(msg.Reply, messages.Done{Err: err})
			return
		}
		s.suspended, s.resuming = true, msg.Reply
		s.tracker.pause()
		s.unbind()
	}
}

func (s *server) cannotSuspend() error {
	if a, ok := s.adapter.(Suspender); ok {
		return guarded("CanSuspend", a.CanSuspend)
	}
	return nil
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
		reply(msg.Reply, messages.Done{Err: errBetween})
	case !s.suspended:
		reply(msg.Reply, messages.Done{Addr: s.addr})
	default:
		s.resuming = msg.Reply
		s.bind()
	}
}

func (s *server) answerResume(err error) {
	reply(s.resuming, messages.Done{Addr: s.addr, Err: err})
	s.resuming = nil
}

// reply answers on a channel that may be nil and never waits for it.
func reply[T any](to chan<- T, answer T) {
	select {
	case to <- answer:
	default:
	}
}
