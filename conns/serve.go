package conns

import (
	"errors"
	"io"
	"net"
	"os"
)

// This file is what the serving goroutine does with its connection: it reads, marks
// where a unit of work begins and ends, and writes.

// Read reads from the peer. It is here that a connection turns idle, turns busy
// and leaves.
//
// Few functions lie between this one and Busy, and their frames are small: the
// first read of net/http's would otherwise need a stack of 8 KiB instead of 4.
func (c *Conn) Read(p []byte) (n int, err error) {
	switch c.phase() {
	case reading:
		if len(p) == 1 && c.head.lost && c.head.ahead { // only net/http knows that the header is whole
			c.step(gotHeader)
		}
	case rested:
		// One byte is what net/http's background read asks for, while a request that
		// it had in its buffer is about to be handled: nobody waits for a first byte.
		if len(p) != 1 || !c.head.ahead {
			c.waits()
		}
	case hijacked:
		return c.takeover.Load().read(p)
	case leaving:
		return 0, c.kind().goneError()
	}
	if c.raw != nil {
		c.raw.comes()
	}
	for {
		if c.phase() == idle { // a reader that waits for a first byte is alone
			n, err = c.net.Read(p)
		} else {
			n, err = c.readNet(p)
		}
		if n > 0 {
			if c.follow(p[:n], len(p)) {
				c.owner.Busy()
			}
			break
		}
		if err == nil || err == errAborted {
			break
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			c.raise(broken)
			c.failed(len(p) == 1)
			break
		}
		if n, err = c.expired(p, err); n > 0 || err != nil {
			c.failed(len(p) == 1 && n == 0 && c.want.Load() != longAgo)
			break
		}
	}
	if c.raw != nil {
		c.raw.reads.Store(false)
	}
	return n, err
}

// readNet reads from the socket, unless net/http has aborted the read: see
// SetReadDeadline.
func (c *Conn) readNet(p []byte) (int, error) {
	if c.want.Load() == longAgo { // most often, the request is answered by now
		return 0, errAborted
	}
	c.raise(inside)
	if c.want.Load() == longAgo {
		c.clear(inside)
		return 0, errAborted
	}
	n, err := c.net.Read(p)
	c.clear(inside)
	return n, err
}

// waits is called by a reader that is back for the next unit.
func (c *Conn) waits() {
	if before, after := c.step(wait); before == after {
		return
	}
	c.since.Store(now())
	c.owner.Idle()
	if c.has(asked) {
		c.applyReadDeadline()
	}
}

// received is called with what was read.
func (c *Conn) received(p []byte) {
	if c.follow(p, 0) {
		c.owner.Busy()
	}
}

// follow follows what a Read of up to size bytes has returned, and reports whether it
// begins a unit: the owner is to be told that it is busy.
func (c *Conn) follow(p []byte, size int) (first bool) {
	c.read.Add(int64(len(p)))
	was, got := c.phase(), gotByte
	if was == fresh || was == idle {
		c.head.reset()
	}
	if c.below != nil && len(p) > 0 {
		c.below.filled(len(p) == size)
	}
	if c.head.http1 && was != rested { // there Begin is about to lose it
		if c.head.follow(p); c.head.done && !c.head.other {
			got = gotHeader
		}
	}
	before, _ := c.step(got)
	if first = before == fresh || before == idle; first {
		c.since.Store(now())
	}
	if c.has(asked) {
		c.last.Store(now())
		_ = c.applyReadDeadline()
	}
	return first
}

// Begin marks that a unit of work has arrived and its handler starts. Without
// it, a connection that is quiet for IdleGrace in the middle of a unit leaves. Where
// units may overlap, see FollowReads, u describes the connection from now on.
func (c *Conn) Begin(u *Unit) {
	if c.has(returned) {
		c.clear(returned)
	}
	if c.raw != nil {
		c.raw.begins()
	} else {
		c.before = uint32(c.written.Load())
	}
	c.unit.Store(u)
	if c.has(doomed | told) {
		c.heed()
	}
	if c.phase() == rested { // it was pipelined, the reader has not been back
		c.head.lose() // before a background read can see that it has begun
	}
	before, _ := c.step(begin)
	if c.raw == nil {
		c.group.enter()
	}
	c.group.Requests.Add(1)
	c.requests.Add(1)
	if before == fresh || before == idle {
		c.since.Store(now())
		c.owner.Busy()
	}
	if c.has(asked) {
		c.applyReadDeadline()
	}
}

// Return marks that the handler of the unit has returned, as opposed to having
// panicked; what it has written may still be buffered.
func (c *Conn) Return(completed bool) {
	if completed {
		c.raise(returned)
	}
	if u := c.unit.Load(); u != nil {
		_ = u.interrupt.ended()
	}
	if k := c.takeover.Load(); k != nil {
		c.unit.Store(nil)
		k.handlerReturned()
		return
	}
	if c.raw == nil {
		c.group.exit()
	}
}

// AnswerSent reports whether a part of the answer to the request in progress has been
// written to the connection. The serving goroutine asks.
func (c *Conn) AnswerSent() bool { return uint32(c.written.Load()) != c.before }

// Answered tells how long the body of the request in progress was said to be, -1 if it
// was chunked, when its handler has returned: what has come behind it is the beginning
// of the next one.
func (c *Conn) Answered(contentLength int64) { c.head.answered(contentLength) }

// Idle marks that a unit of work is done: its last byte is written. The
// connection is idle as soon as its reader is back in Read, where another goroutine
// may be already, and no other unit is in progress.
func (c *Conn) Idle() {
	if c.raw != nil {
		c.raw.idle()
		return
	}
	if !c.has(severed) { // else the Report names it
		c.unit.Store(nil)
	}
	c.step(rest)
}

// Write writes to the peer.
func (c *Conn) Write(p []byte) (int, error) {
	switch c.phase() {
	case hijacked:
		return c.takeover.Load().write(p)
	case leaving:
		return 0, net.ErrClosed // after the goodbye nothing may follow
	}
	n, err := c.net.Write(p)
	c.wrote(int64(n), err)
	return n, err
}

func (c *Conn) wrote(n int64, err error) {
	c.written.Add(n)
	if err != nil {
		c.raise(broken)
		c.failed(true)
	}
}

// failed is called when net/http is about to be told that reading or writing has
// failed. Where this ends the contexts of what it serves (a background read that it
// has not aborted, any write), ours end too: see Unit.NetHTTPContext.
func (c *Conn) failed(ends bool) {
	if !ends || !c.head.ahead {
		return
	}
	c.raise(peerless)
	if u := c.unit.Load(); u != nil {
		u.interrupt.peerGone()
	}
}

// Sendfile is ReadFrom for a connection without TLS: it lets the kernel copy a
// file to the socket (sendfile(2)).
func (c *Conn) Sendfile(r io.Reader) (int64, error) {
	rf, ok := c.net.(io.ReaderFrom)
	if !ok || c.phase() == hijacked {
		return io.Copy(writerOnly{c}, r)
	}
	n, err := rf.ReadFrom(r)
	c.wrote(n, nil) // err may be the reader's
	return n, err
}

type writerOnly struct{ io.Writer }
