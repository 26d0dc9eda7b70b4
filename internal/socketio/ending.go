package socketio

import "time"

// drain begins the polite end: handlers of what has been received finish first.
func (s *session) drain() {
	if s.phase == serving {
		s.phase = draining
		s.limit.Stop()
	}
}

// leave queues the goodbye behind everything that was sent before it.
func (s *session) leave() {
	s.phase = leaving
	s.heartbeat.Stop()
	if s.probe != nil && !s.probed {
		s.dropProbe() // the client has not stopped polling: it hears it there
	}
	s.out = append(s.out, packet{typ: typeClose})
	if s.ws != nil {
		s.setLimit(s.opts.CloseTimeout)
	} else {
		s.setLimit(s.opts.Linger)
	}
}

func (s *session) setLimit(d time.Duration) { s.limit.Reset(max(d, 0)) }

// expire is called when joining a namespace, or hearing the goodbye, took too long.
func (s *session) expire() {
	if s.phase != leaving {
		s.end(TransportClose)
		return
	}
	if s.ws != nil {
		s.ws.cut() // the peer does not answer; it may not even read
	}
	s.end(ShuttingDown)
}

// end lets go of the transport. Handlers of what was received before still run,
// unless time is up.
func (s *session) end(reason Reason) {
	if reason == Killed {
		s.dropQueue()
	}
	if s.phase == ended {
		return
	}
	if s.phase == leaving && reason != Killed {
		reason = ShuttingDown
	}
	s.phase, s.reason = ended, reason
	s.heartbeat.Stop()
	s.limit.Stop()
	s.dropProbe()
	s.endPoll()
	if s.ws != nil {
		s.ws.quit(reason.closeCode())
		if reason.abrupt() {
			s.ws.cut()
		}
		s.ws = nil
	}
	s.out = nil
	s.cancel()
	s.release()
	s.user.ended(reason)
	close(s.gone)
	s.next()
}

// farewell says that the session was closed by a shutdown: its client may still
// have requests on the way, which deserve better than "unknown session".
func (s *session) farewell() bool { return s.phase == ended && s.reason == ShuttingDown }
