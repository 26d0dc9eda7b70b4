package conns

import "io"

// This file is what a connection does in a drain whose server says GOAWAY itself, in the
// same two steps as in h2leave.go: GOAWAY(2^31-1) and a PING; after the ACK, GOAWAY with
// the last stream. gRPC waits 5 s for the ACK. A client that does not send it within
// IdleGrace is not waited for any longer: the reader hands its server the ACK, at a
// frame's boundary. What comes from the client after all has a higher id than the last
// stream, and is refused. It may be fetching an answer still, with the PING behind it: so
// the connection lingers as one that was at work.

// lookUpWithin has the reader look up when the grace is over that began at t; if that is
// past half of the time that is left, then.
func (h *H2) lookUpWithin(t int64) {
	h.lookUp.Store(min(t+int64(h.group.IdleGrace), h.group.halfway(t)))
	_ = h.applyReadDeadline()
}

// saidAnnouncement is called when the server has written GOAWAY(2^31-1): it leaves in
// two steps itself.
func (h *H2) saidAnnouncement() {
	if h.delegated {
		h.stage.CompareAndSwap(h2Serving, h2Announced)
	}
}

// saidPing is called when the server has written a PING.
func (h *H2) saidPing(f *h2Frame) {
	if !h.delegated || f.is(h2Ack) || h.stage.Load() != h2Announced || h.ping.Load() != nil {
		return
	}
	data := f.start
	h.ping.Store(&data)
	if h.has(asked) {
		h.lookUpWithin(now())
	}
}

// heardAck is called when the client has answered a PING after the announcement.
func (h *H2) heardAck(data [8]byte) {
	if !h.delegated {
		h.acked = h.acked || data == h2PingData
		return
	}
	if ping := h.ping.Load(); ping != nil && data == *ping {
		h.stage.Store(h2Final) // its server has heard it too
	}
}

// expiredDelegated is called by the reader when it was to look up.
func (h *H2) expiredDelegated(t int64) error {
	h.lookUp.Store(0)
	switch {
	case h.unbegun():
		if !h.lookAgain(t) {
			h.raise(wordless) // its server would wait while it lingers
			return io.EOF
		}
	case h.ping.Load() != nil && h.stage.Load() == h2Announced: // else see saidPing; or it is answered
		h.late = true
		h.since.Store(t) // see lingerTime
	}
	return nil
}

// answer is the ACK that the server waits for.
func (h *H2) answer() []byte {
	data := h.ping.Load()
	return appendH2Frame(nil, h2Ping, h2Ack, 0, data[:]...)
}
