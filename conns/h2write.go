package conns

import (
	"errors"
	"net"
	"os"
)

// This file is what is written on an HTTP/2 connection: what the server says, and at the
// boundaries of its frames what we have to say.

// Write writes what the server says.
func (h *H2) Write(p []byte) (n int, err error) {
	<-h.token
	defer func() { h.token <- struct{}{} }()
	if h.phase() == leaving {
		return 0, net.ErrClosed
	}
	if h.frames.Load() != nil {
		if n, err = h.interpose(p); err != nil {
			return n, err
		}
	}
	m, err := h.put(p[n:])
	return n + m, err
}

// interpose writes our frames at the first boundary, and what of p comes before it.
func (h *H2) interpose(p []byte) (n int, err error) {
	switch at := h.out.toBoundary(p); {
	case h.mayWrite():
		err = h.writeOurs()
	case at <= len(p):
		if n, err = h.put(p[:at]); err == nil {
			err = h.writeOurs()
		}
	}
	return n, err
}

// writeOurs writes our frames in the midst of a write of the server's, who would go on
// behind half a frame of ours if a deadline was all that it heard of.
func (h *H2) writeOurs() error {
	if h.writeFrames() == nil {
		return nil
	}
	_ = h.sock().Close()
	return net.ErrClosed
}

// put writes, and follows what has been written: a stream ends when its last byte
// is with the kernel.
func (h *H2) put(p []byte) (int, error) {
	n, err := h.net.Write(p)
	failed := err
	if err != nil && n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		failed = nil // a server with a WriteByteTimeout goes on from here
	}
	h.wrote(int64(n), failed)
	for p = p[:n]; len(p) > 0; {
		n, edge := h.out.next(p)
		p = p[n:]
		if edge&h2Ended != 0 {
			h.saidFrame(&h.out.frame)
		}
	}
	return n, err
}

func (h *H2) saidFrame(f *h2Frame) {
	switch f.kind {
	case h2Data:
		if f.is(h2EndStream) {
			h.end(f.stream, h2LocalEnded)
		}
	case h2Headers:
		if f.is(h2EndStream) {
			h.ending = f.stream
		}
	case h2RSTStream:
		h.end(f.stream, h2BothEnded)
	case h2Ping:
		h.saidPing(f)
	case h2PushPromise:
		h.open.Add(1)
		h.ours.open(f.promised(), h2RemoteEnded)
		h.tell()
	case h2GoAway:
		h.saidGoAway(f.word(0), f.word(4))
	}
	if h.ending != 0 && !h.out.block {
		h.end(h.ending, h2LocalEnded)
		h.ending = 0
	}
}

// h2Control is a frame of ours that waits for a frame boundary.
type h2Control struct {
	next         *h2Control
	frame        []byte
	announcement bool
}

// maxH2Queued bounds what a client that opens streams and reads nothing can have
// queued.
const maxH2Queued = 1000

// send has a frame of ours written at the next frame boundary. It does not block.
func (h *H2) send(c *h2Control) {
	if h.queued.Add(1) > maxH2Queued {
		h.raise(broken)
		go func() { _ = h.sock().Close() }()
		return
	}
	for {
		c.next = h.frames.Load()
		if h.frames.CompareAndSwap(c.next, c) {
			break
		}
	}
	go func() {
		<-h.token
		var err error
		if h.frames.Load() != nil && h.mayWrite() {
			err = h.writeFrames()
		}
		h.token <- struct{}{}
		if err != nil {
			_ = h.sock().Close() // the server has not seen the error, and a frame may be torn
		}
	}()
}

// mayWrite reports whether a frame of ours may stand where the writer is: never
// before the server's SETTINGS.
func (h *H2) mayWrite() bool { return h.out.boundary() && h.out.count > 0 && h.phase() != leaving }

// writeFrames writes what is queued, as the holder of the token.
func (h *H2) writeFrames() error {
	var order []*h2Control
	for c := h.frames.Swap(nil); c != nil; c = c.next {
		order = append(order, c)
	}
	var buf []byte
	for i := len(order) - 1; i >= 0; i-- { // the newest is first in the list
		// Once the last stream has been named it may not rise any more.
		if c := order[i]; !c.announcement || h.final.Load() < 0 {
			buf = append(buf, c.frame...)
		}
	}
	var err error
	if len(buf) > 0 {
		var n int
		n, err = h.net.Write(buf)
		h.wrote(int64(n), err)
	}
	h.queued.Add(-int32(len(order))) // those that cannot be written hold up nothing
	h.wake()
	return err
}
