package conns

import (
	"encoding/binary"
	"io"
	"time"

	"github.com/godrain/drain/messages"
)

// How an HTTP/2 connection leaves (RFC 9113, section 6.8):
//
//	serving ─asked─▶ held ─first stream, or quiet─▶ announced ─ACK, or time─▶ final ─no stream─▶ io.EOF
//
// announced: GOAWAY(2^31-1), "open no more streams", and a PING are sent. Streams
// that cross them are served; what the client sends after the PING's ACK it sent
// in the knowledge. final: the server itself says GOAWAY with the last stream that
// it has accepted. Only it knows which one that is: the connection hands it a
// GOAWAY as if the client had sent one, which starts its graceful shutdown.
// Streams that come nevertheless have a higher id, so the client may repeat them;
// the server ignores them, and the connection refuses each by RST_STREAM.
//
// held: a client that has just connected is about to open its first stream. Told
// at once, it would be left with a request that it may send nowhere.
const (
	h2Serving uint32 = iota
	h2Held
	h2Announced
	h2Final
)

// h2FirstStream is the time for a new connection's first stream.
const h2FirstStream = 50 * time.Millisecond

// h2PingData marks our PING; its ACK brings it back.
var h2PingData = [8]byte{'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'}

// leave is called when the connection is asked to leave. It does not block.
func (h *H2) leave() {
	t := now()
	if !h.askedAt.CompareAndSwap(0, t) {
		return
	}
	if h.delegated {
		h.lookUpWithin(max(h.last.Load(), t))
		return
	}
	h.lookUp.Store(h.last.Load() + int64(min(h2FirstStream, h.grace()/4)))
	h.stage.CompareAndSwap(h2Serving, h2Held)
	if h.newest.Load() != 0 || h.lookUp.Load() <= t {
		h.announce()
	}
	_ = h.applyReadDeadline()
}

// grace is IdleGrace, or half of the time that is left, if that is less: what stays
// longer than that is cut by the deadline.
func (h *H2) grace() time.Duration {
	asked := h.askedAt.Load()
	return min(h.group.IdleGrace, time.Duration(h.group.halfway(asked)-asked))
}

// announce tells the client to open no more streams.
func (h *H2) announce() {
	if !h.stage.CompareAndSwap(h2Held, h2Announced) {
		return
	}
	h.lookUp.Store(h.askedAt.Load() + int64(h.grace())*3/4)
	frame := appendH2Frame(appendH2GoAway(nil, h2MaxStream), h2Ping, 0, 0, h2PingData[:]...)
	h.send(&h2Control{frame: frame, announcement: true})
}

// mayFinish reports whether the reader stands where the last stream may be named.
func (h *H2) mayFinish() bool {
	return (h.acked || h.late) && h.stage.Load() == h2Announced && h.in.boundary() && h.in.count > 0
}

// finishStreams has the server say which stream was the last.
func (h *H2) finishStreams() {
	h.stage.Store(h2Final)
	if h.delegated {
		h.inject = h.answer()
		return
	}
	h.inject = appendH2GoAway(nil, 0)
}

// expired is called by the reader when it was to look up.
func (h *H2) expired(t int64) error {
	if due := h.lookUp.Load(); due == 0 || due > t {
		return nil
	}
	if h.delegated {
		return h.expiredDelegated(t)
	}
	switch h.stage.Load() {
	case h2Held:
		h.announce()
	case h2Announced:
		return h.hurry(t)
	}
	return nil
}

// hurry is called when the client has had the time to answer the PING.
func (h *H2) hurry(t int64) error {
	since, grace := h.askedAt.Load(), int64(h.grace())
	limit := since + grace*9/10
	switch {
	case h.unbegun():
		if !h.lookAgain(t) {
			h.abandonPartial()
			return io.EOF
		}
	case h.in.boundary() && t < limit && h.pending():
		h.lookUp.Store(limit) // a last look at what has arrived
	case h.in.boundary():
		h.late = true
		h.lookUp.Store(0)
	default: // in the middle of a frame, or of a header block
		h.late = true
		h.lookUp.Store(t + max(grace, int64(100*time.Millisecond)))
		if t >= since+headerBound*grace && h.onlyPartial() {
			h.abandonPartial()
			return io.EOF
		}
	}
	return nil
}

// unbegun reports whether not even a first frame of the client's has come.
func (h *H2) unbegun() bool { return h.preface > 0 || h.in.count == 0 }

// lookAgain is the last look at what has arrived from such a client, which the process
// may not have had the time to read: it reports whether the reader shall try. A client
// that drips is not waited for: as a rule all that it has sent has been read.
func (h *H2) lookAgain(t int64) bool {
	if !h.pending() {
		return false
	}
	if h.looked == 0 {
		h.looked = t
	}
	grace := int64(h.grace())
	if t > h.looked+headerBound*grace {
		return false
	}
	h.lookUp.Store(t + max(grace/4, int64(blindLook)))
	return true
}

// onlyPartial reports whether nothing is left but a request that does not get
// complete.
func (h *H2) onlyPartial() bool {
	if h.partial != 0 {
		return h.open.Load() == 1
	}
	return h.open.Load() == 0
}

// abandonPartial tells the client that this request was not processed, or that what
// crosses this on the wire will not be. The server has not seen it; it is the reader
// that says goodbye.
func (h *H2) abandonPartial() {
	last := h.newest.Load()
	if h.partial != 0 {
		last = h.partial - 1
		h.end(h.partial, h2BothEnded)
	}
	_ = h.net.SetWriteDeadline(time.Now().Add(max(h.group.Linger, 100*time.Millisecond)))
	<-h.token
	if h.mayWrite() && h.final.Load() < 0 {
		_, _ = h.put(appendH2GoAway(nil, last))
	}
	h.token <- struct{}{}
}

// saidGoAway is called when a GOAWAY has been written.
func (h *H2) saidGoAway(last, code uint32) {
	if last == h2MaxStream && code == 0 {
		h.saidAnnouncement()
		return
	}
	if code != 0 { // the client has broken the protocol: what becomes of its streams is its fault
		h.raise(broken)
	}
	h.final.Store(int64(last))
	h.stage.Store(h2Final)
	if code == 0 {
		h.theirs.each(func(id uint32) {
			if id > last {
				h.refuse(id)
			}
		})
	}
	h.wake()
}

// refuse tells the client that a stream was not processed.
func (h *H2) refuse(id uint32) {
	if !h.theirs.end(id, h2BothEnded) {
		return
	}
	const refusedStream = 0x7 // RFC 9113, section 7
	h.send(&h2Control{frame: appendH2Frame(nil, h2RSTStream, 0, id, 0, 0, 0, refusedStream)})
	h.open.Add(-1)
	h.tell()
}

// over reports whether nothing is left to be done on the connection.
func (h *H2) over() bool {
	return h.has(asked) && h.final.Load() >= 0 && h.open.Load() == 0 && h.queued.Load() == 0
}

// wake makes the reader look up if the connection is over.
func (h *H2) wake() {
	if h.over() {
		_ = h.applyReadDeadline()
	}
}

// looksUp is when the reader shall look up; see Conn.due.
func (h *H2) looksUp() int64 {
	if h.over() {
		return 1
	}
	if s := h.stage.Load(); h.delegated || s == h2Held || s == h2Announced {
		return h.lookUp.Load()
	}
	return 0
}

// lingerTime is how long to wait for the client's FIN. A client that was idle all
// the time, and has fetched everything, does not hold the shutdown up for longer than
// IdleGrace in all. That its streams have ended says that their last bytes are with the
// kernel, not that the client has them.
func (h *H2) lingerTime() (wait time.Duration, once bool) {
	asked := h.askedAt.Load()
	if h.since.Load() > asked { // there was work meanwhile
		return h.group.Linger, false
	}
	left := time.Duration(asked-now()) + h.grace()*95/100
	return min(h.group.Linger, max(left, 10*time.Millisecond)), true
}

func (h *H2) beginLeaving() { h.leave() }

func (h *H2) goneError() error { return io.EOF }

func (h *H2) mayLinger(before phase) bool {
	return h.group.IsDraining() && before != fresh && !h.has(broken)
}

// A connection that its server closes has cut a request if a stream is open, and
// its client is there. Servers do that on purpose: gRPC by MaxConnectionAgeGrace.
func (h *H2) closedAs() (messages.Outcome, bool) {
	lost := h.cuts(!h.has(broken))
	if h.panicked.Load() {
		return messages.OutcomeCrashed, true
	}
	return messages.OutcomeDrained, lost
}

func (h *H2) killedAs(p phase) (messages.Outcome, bool) {
	if p == streams {
		return messages.OutcomeKilled, h.cuts(true)
	}
	return marked{h.Conn}.killedAs(p)
}

func (f *h2Frame) word(at int) uint32 { return binary.BigEndian.Uint32(f.start[at:]) & h2MaxStream }

// promised is the stream that a PUSH_PROMISE promises.
func (f *h2Frame) promised() uint32 {
	if f.is(h2Padded) {
		return f.word(1)
	}
	return f.word(0)
}
