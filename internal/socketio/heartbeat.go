package socketio

// beat is called when a ping is due, or when its pong is overdue.
func (s *session) beat() {
	switch {
	case !s.awaiting:
		s.awaiting = true
		s.send(packet{typ: typePing})
		s.heartbeat.Reset(s.opts.PingTimeout)
	case len(s.held) > 0:
		// The pong may stand behind what we do not read at the moment.
		s.heartbeat.Reset(s.opts.PingTimeout)
	default:
		s.end(PingTimeout)
	}
}

func (s *session) pong() {
	if s.awaiting && s.phase < leaving {
		s.awaiting = false
		s.heartbeat.Reset(s.opts.PingInterval)
	}
}
