package socketio

import (
	"log/slog"
	"runtime/debug"
	"slices"
)

// job is a handler that waits for its turn. A vital one runs even if the session
// is killed before.
type job struct {
	run   func()
	vital bool
}

func (s *session) enqueue(run func())      { s.queue = append(s.queue, job{run: run}) }
func (s *session) enqueueVital(run func()) { s.queue = append(s.queue, job{run: run, vital: true}) }

// dropQueue forgets the handlers that need not run when time is up.
func (s *session) dropQueue() {
	s.queue = slices.DeleteFunc(s.queue, func(j job) bool { return !j.vital })
}

// next starts the first handler in the queue, if none runs.
func (s *session) next() {
	if s.running || len(s.queue) == 0 {
		return
	}
	first := s.queue[0]
	s.queue[0] = job{}
	s.queue = s.queue[1:]
	s.running = true
	go s.perform(first.run)
}

// perform runs outside the owner. It reports even if the handler panics or ends
// its goroutine, so that the session never waits for a handler that is gone.
func (s *session) perform(run func()) {
	panicked := true
	defer func() {
		if cause := recover(); cause != nil {
			s.opts.Logger.Error("socketio: a handler panicked",
				slog.Any("panic", cause), slog.String("stack", string(debug.Stack())))
		}
		s.tell(handled{panicked})
	}()
	run()
	panicked = false
}

func (s *session) handled(m handled) {
	s.running = false
	if m.panicked {
		s.end(HandlerPanic)
	}
	s.next()
	if len(s.queue) < s.opts.Backlog {
		s.release()
	}
}

// accept answers a sender, at once or when the backlog has shrunk.
func (s *session) accept(reply chan<- bool) {
	s.next()
	if len(s.queue) < s.opts.Backlog {
		reply <- true
		return
	}
	s.held = append(s.held, reply)
}

// release lets the senders that were held back go on.
func (s *session) release() {
	for _, reply := range s.held {
		reply <- true
	}
	s.held = nil
}
