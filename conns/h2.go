package conns

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
)

// H2 is a connection that speaks HTTP/2: the net.Conn that an HTTP/2 server reads
// from and writes to. It follows the frames in both directions and buffers none of
// them. From their headers it knows which streams are open: the connection is busy
// while there is one. PING, SETTINGS, PRIORITY and WINDOW_UPDATE are not work.
//
// When it is asked to leave it says so in two steps (h2leave.go). It ends when
// its last stream has: the reader returns io.EOF to the server.
type H2 struct {
	*Conn

	// Of the reader.
	in      h2Frames
	preface int    // bytes of the client's preface that are still to come
	early   []byte // received before HTTP/2 was recognised
	inject  []byte // handed to the server as if the client had sent it
	partial uint32 // the stream whose header block is incomplete
	acked   bool   // the client has seen that it shall open no streams
	late    bool   // it has had the time to say so
	looked  int64  // when a last look found that it was about to begin; 0 if none has

	// Of the holder of the token: the server, or whoever writes a frame of ours.
	token  chan struct{}
	out    h2Frames
	ending uint32 // the stream that ends with the header block in progress

	// Of everyone.
	theirs, ours h2Streams // what the client opened, what the server pushed
	open         atomic.Int32
	newest       atomic.Uint32 // the client's newest stream
	news         atomic.Int32  // see tell
	busy         bool          // what the owner has been told; of tell
	final        atomic.Int64  // last stream of the GOAWAY that was sent; -1 before
	stage        atomic.Uint32
	askedAt      atomic.Int64 // when it began to leave
	lookUp       atomic.Int64 // when the reader shall look up; 0 is never
	frames       atomic.Pointer[h2Control]
	queued       atomic.Int32 // of frames, until they are written
	panicked     atomic.Bool
	gone         atomic.Int32            // requests that were cut, while the connection went on
	victim       atomic.Pointer[Stream]  // the first of them
	losses       atomic.Int32            // see cuts
	delegated    bool                    // its server says GOAWAY: see FollowHTTP2
	ping         atomic.Pointer[[8]byte] // that its server waits for the ACK of: see h2delegated.go

	// Of the handlers. They run on other processors than the reader and the writer: what
	// those write with each request does not lie here, nor what these do in the Conn.
	named [h2Named]atomic.Pointer[Stream]
	begun atomic.Int64 // requests, as opposed to streams
}

// H2Preface is what an HTTP/2 client sends first (RFC 9113, section 3.4).
const H2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Multiplex tells that the connection speaks HTTP/2 from here on, beginning with
// the client's preface. early is what has been read of it already. The
// connection is served through the H2; it is closed by its Close.
func (c *Conn) Multiplex(early []byte) *H2 { return c.multiplex(early, false) }

// FollowHTTP2 is Multiplex for a server that says goodbye itself, in two steps, as
// gRPC's GracefulStop does. The connection follows the streams, ends if its client
// says nothing, answers the PING between the two for a client that does not, and returns
// io.EOF to the server when the last stream has ended.
func (c *Conn) FollowHTTP2() *H2 { return c.multiplex(nil, true) }

func (c *Conn) multiplex(early []byte, delegated bool) *H2 {
	h := &H2{
		Conn: c, preface: len(H2Preface), early: early, token: make(chan struct{}, 1),
		delegated: delegated,
	}
	h.token <- struct{}{}
	h.final.Store(-1)
	c.last.Store(now())
	c.h2.Store(h)
	before, _ := c.step(multiplex)
	h.busy = before == reading || before == received
	h.tell()
	if c.has(asked) {
		h.leave()
	}
	_ = c.applyReadDeadline()
	return h
}

// Read reads what the client sends. It is here that the connection ends.
func (h *H2) Read(p []byte) (int, error) {
	for {
		// Only a connection that was asked to leave can be over, or finish.
		if len(h.inject) > 0 || len(h.early) > 0 || h.has(asked) {
			if n, err := h.instead(p); n > 0 || err != nil {
				return n, err
			}
		}
		n, err := h.net.Read(p)
		if n > 0 {
			h.read.Add(int64(n))
			h.heard(p[:n])
		}
		if n > 0 || err == nil {
			return n, err
		}
		if err = h.failedRead(err); err != nil {
			return 0, err
		}
	}
}

// instead returns what the server reads in place of what the client sends now: 0 and
// nil if that is what it shall read.
func (h *H2) instead(p []byte) (n int, err error) {
	if len(h.inject) == 0 && !h.over() && h.mayFinish() {
		h.finishStreams()
	}
	switch {
	case len(h.inject) > 0:
		n = copy(p, h.inject)
		h.inject = h.inject[n:]
	case h.over():
		return 0, io.EOF
	case len(h.early) > 0:
		n = copy(p, h.early)
		h.early = h.early[n:]
		h.heard(p[:n])
	}
	return n, nil
}

// failedRead returns what the server is told of a Read that has failed; nil if it shall
// be repeated.
func (h *H2) failedRead(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		h.raise(broken)
		return err
	}
	t := now()
	if want := h.want.Load(); h.has(closing|killed) || (want != 0 && want <= t) {
		return err
	}
	if err := h.expired(t); err != nil {
		return err
	}
	return h.applyReadDeadline()
}

// heard follows what the client has sent.
func (h *H2) heard(p []byte) {
	if h.newest.Load() == 0 {
		h.last.Store(now())
	}
	n := min(h.preface, len(p))
	h.preface -= n
	for p = p[n:]; len(p) > 0; {
		n, edge := h.in.next(p)
		p = p[n:]
		if edge&h2Begun != 0 && h.in.frame.kind == h2Headers {
			h.headers(h.in.frame.stream)
		}
		if edge&h2Ended != 0 {
			h.heardFrame(&h.in.frame)
		}
	}
}

// headers is called at the beginning of a header block: of a new stream, or of
// trailers.
func (h *H2) headers(id uint32) {
	if id%2 == 0 || id <= h.newest.Load() {
		return
	}
	h.partial = id
	h.newest.Store(id)
	h.open.Add(1)
	h.theirs.open(id, 0)
	h.tell()
	// The writer of a GOAWAY looks at the streams after it has stored final.
	if last := h.final.Load(); last >= 0 && int64(id) > last {
		h.refuse(id)
	}
	if h.stage.Load() == h2Held {
		h.announce()
	}
}

func (h *H2) heardFrame(f *h2Frame) {
	switch f.kind {
	case h2Data:
		if f.is(h2EndStream) {
			h.end(f.stream, h2RemoteEnded)
		}
	case h2Headers, h2Continuation:
		if f.kind == h2Headers && f.is(h2EndStream) {
			h.end(f.stream, h2RemoteEnded)
		}
		if !h.in.block {
			h.partial = 0
		}
	case h2RSTStream:
		h.end(f.stream, h2BothEnded)
	case h2Ping:
		if f.is(h2Ack) && h.stage.Load() == h2Announced {
			h.heardAck(f.start)
		}
	}
}

// end notes that sides of a stream have ended.
func (h *H2) end(id uint32, sides uint64) {
	streams := &h.theirs
	if id%2 == 0 {
		streams = &h.ours
	}
	if !streams.end(id, sides) {
		return
	}
	h.open.Add(-1)
	h.tell()
	h.wake()
}

// tell tells the owner whether there is work, from one goroutine at a time.
func (h *H2) tell() {
	if h.news.Add(1) > 1 {
		return // whoever is at it looks again
	}
	for n := int32(1); ; n = h.news.Load() {
		if busy := h.open.Load() > 0; busy != h.busy && !h.has(told) {
			h.busy = busy
			h.since.Store(now())
			if busy {
				h.owner.Busy()
			} else {
				h.owner.Idle()
			}
		}
		if h.news.CompareAndSwap(n, 0) {
			return
		}
	}
}
