package socketio

import "errors"

var (
	errClosed    = errors.New("the client closed the session")
	errHeartbeat = errors.New("a ping from the client")
)

// received takes packets from either transport.
func (s *session) received(m received) {
	if m.from == nil {
		s.posting = false
	}
	switch {
	case s.phase == ended:
		m.reply <- s.farewell()
	case m.from != nil && m.from == s.probe:
		s.probing(m)
		m.reply <- true
	case m.from != s.ws: // a link that was given up, a POST after the upgrade
		m.reply <- false
	case m.bad != "":
		m.reply <- false
		s.end(m.bad)
	default:
		s.take(m)
	}
}

func (s *session) take(m received) {
	for _, p := range m.packets {
		switch err := s.packet(p); {
		case errors.Is(err, errClosed):
			m.reply <- true
			s.end(TransportClose)
			return
		case err != nil:
			m.reply <- false
			s.end(ParseError)
			return
		}
	}
	s.accept(m.reply)
}

func (s *session) packet(p packet) error {
	switch p.typ {
	case typeMessage:
		return s.user.message(p)
	case typePong:
		s.pong()
	case typeClose:
		return errClosed
	case typePing:
		return errHeartbeat
	}
	return nil
}
