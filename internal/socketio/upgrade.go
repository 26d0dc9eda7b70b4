package socketio

// probeWord is what a probe's ping and pong carry.
const probeWord = "probe"

// claimed gives the place for an upgrade to the first that asks. Once the
// session is draining, an upgrade would only delay the goodbye.
func (s *session) claimed(m claim) {
	free := s.phase == serving && s.ws == nil && s.probe == nil
	if free {
		s.probe = m.link
		s.upgrading.Reset(s.opts.UpgradeTimeout)
	}
	m.reply <- free
}

// attached starts the link's writer. A link that was told to quit meanwhile
// finds that out there, and closes.
func (s *session) attached(m attached) {
	m.link.conn = m.conn
	go m.link.write(s)
}

// probing takes what comes over the link that is to replace polling.
func (s *session) probing(m received) {
	p := m.packets[0]
	switch {
	case m.bad == "" && p.typ == typePing && string(p.data) == probeWord && !s.probed:
		s.probed = true
		s.probe.frames <- []packet{{typ: typePong, data: p.data}}
	case m.bad == "" && p.typ == typeUpgrade && s.probed:
		s.upgrade()
	default:
		s.dropProbe()
	}
}

// upgrade makes the probed link the transport. The client has stopped polling.
func (s *session) upgrade() {
	s.answer() // a poll that crossed the upgrade still gets its noop
	s.ws, s.probe, s.probed = s.probe, nil, false
	s.upgrading.Stop()
	if s.phase == leaving {
		s.setLimit(s.opts.CloseTimeout)
	}
}

// dropProbe gives an upgrade up; the session goes on over polling.
func (s *session) dropProbe() {
	if s.probe == nil {
		return
	}
	s.upgrading.Stop()
	s.probe.quit(TransportClose.closeCode())
	s.probe, s.probed = nil, false
}

func (s *session) linkLost(m linkLost) {
	switch m.link {
	case s.probe:
		s.dropProbe()
	case s.ws:
		s.end(lostReason(m.err))
	}
}

// writable is the way to the WebSocket writer, or nil if there is nothing to
// write or nowhere to.
func (s *session) writable() chan<- []packet {
	if s.ws == nil || len(s.out) == 0 {
		return nil
	}
	return s.ws.frames
}
