package conns

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/godrain/drain/messages"
)

// farewell is what an idle HTTP/1 connection says before it leaves: whatever
// request crosses it on the wire has its answer, "not processed, repeat it"
// (RFC 9110, section 15.5.9). It is complete, and nothing follows it. It has no body:
// what crosses it may be a HEAD.
const farewell = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

func sayFarewell(w io.Writer) { _, _ = io.WriteString(w, farewell) }

// OnLeave sets what an idle connection says before it leaves: f writes it to w
// and returns. It is called by the reader, with a write deadline set. It is for a
// connection whose reads are followed (FollowReads): HTTP/1 says a 408.
func (c *Conn) OnLeave(f func(w io.Writer)) {
	if c.raw == nil {
		panic("drain: OnLeave is for connections that FollowReads was called for; HTTP has a farewell of its own")
	}
	c.raw.goodbye = f
}

// goodbye is what the connection says before it leaves; nil is nothing.
func (c *Conn) goodbye() func(io.Writer) {
	switch {
	case c.raw != nil:
		return c.raw.goodbye
	case c.head.http1 && !c.group.NoFarewell:
		return sayFarewell
	}
	return nil
}

// Leave asks the connection to leave as soon as nothing is lost by it. Its actor
// calls it; it never blocks.
func (c *Conn) Leave() {
	c.ask.Store(now())
	if !c.raise(asked) {
		return
	}
	c.kind().beginLeaving()
}

// leave is called by a reader that has waited long enough. After one last look
// at what the kernel has received, it says goodbye.
func (c *Conn) leave(p []byte) (int, error) {
	if n, again := c.lastLook(p); n > 0 || again {
		if n > 0 {
			c.received(p[:n])
		}
		return n, nil
	}
	if c.raw.inProgress() {
		return 0, c.applyReadDeadline()
	}
	before, after := c.step(leave)
	if after != leaving {
		return 0, c.applyReadDeadline()
	}
	c.since.Store(now())
	if c.raw != nil {
		c.raw.cut.Store(before == reading)
	}
	switch say := c.goodbye(); {
	case before == fresh && (c.raw == nil || (say == nil && c.written.Load() == 0)):
		c.raise(wordless)
	case say != nil:
		_ = c.net.SetWriteDeadline(time.Now().Add(max(c.group.Linger, 100*time.Millisecond)))
		say(c.net)
		c.raise(parted)
	}
	return 0, c.kind().goneError()
}

// blindLook is how long the last look takes at what is no socket: longer than a busy
// machine keeps the reader from its Read.
const blindLook = 20 * time.Millisecond

// lastLook reads what has arrived, without waiting: an expired deadline makes
// Read return before it tries the socket, so bytes may lie in the kernel. again
// means that something has arrived which is not a byte of a request yet.
func (c *Conn) lastLook(p []byte) (n int, again bool) {
	_ = c.sock().SetReadDeadline(time.Time{})
	if c.below != nil {
		if c.phase() == reading || !c.pending() {
			return 0, false
		}
		// A record, or part of one: reading it takes TLS, and its time is bounded
		// like that of any other incomplete header.
		c.received(nil)
		return 0, true
	}
	n, supported := readNow(c.sock(), p)
	if !supported {
		// Not a socket we can look into: a deadline that has not passed yet makes
		// Read try.
		_ = c.sock().SetReadDeadline(time.Now().Add(blindLook))
		n, _ = c.sock().Read(p)
	}
	return max(n, 0), false
}

// Close ends the connection. While the server is draining it lingers: a socket
// closed over unread bytes is reset, and the reset destroys the response that
// the peer has not fetched yet.
func (c *Conn) Close() error {
	if k := c.takeover.Load(); k != nil {
		return k.Close()
	}
	k, before := c.kind(), c.phase()
	outcome, lost := k.closedAs()
	if !c.sentence(closing, outcome, lost) {
		return nil
	}
	if !c.has(killed|wordless) && k.mayLinger(before) {
		c.step(leave)
		if !c.linger(c.group.CloseTimeout) {
			outcome, lost = c.untakenAs(outcome, lost)
		}
	}
	err := c.net.Close()
	if !c.has(killed) { // else Kill has the verdict: its close of the socket is what brought us here
		c.finish(outcome, lost)
	}
	return err
}

// Kill ends the connection now. It never blocks: closing a socket can.
func (c *Conn) Kill() {
	outcome, lost := c.kind().killedAs(c.phase())
	if !c.sentence(killed, outcome, lost) {
		return
	}
	c.Cancel()
	go func() {
		_ = c.sock().Close()
		c.finish(outcome, lost)
	}()
}

// finish tells the owner, once, that the connection has ended.
func (c *Conn) finish(outcome messages.Outcome, lost bool) {
	if !c.raise(told) {
		return
	}
	c.step(end)
	c.CancelContext(net.ErrClosed)
	if k := c.takeover.Load(); k != nil {
		k.socketClosed()
	}
	if c.has(killed) { // the serving goroutine may be here first
		outcome, lost = c.sentenced()
	}
	c.owner.Ended(outcome, c.losses(lost))
}

// Losses is how many requests are lost with a connection that was closed or killed.
func (c *Conn) Losses() int {
	_, lost := c.sentenced()
	return c.losses(lost)
}

// losses is how many requests a connection has lost that has lost some.
func (c *Conn) losses(lost bool) int {
	switch h := c.h2.Load(); {
	case !lost:
		return 0
	case h != nil:
		return max(int(h.losses.Load()), 1)
	}
	return 1
}

// lingered is how much a peer must send in one Linger to be still uploading,
// rather than dripping.
const lingered = 16 << 10

// linger half-closes and waits for the peer's FIN, for Linger after the peer has
// last taken or sent something; in a drain for patience, if the network does not bring it what
// it was sent, or if it may be fetching in bursts: what it sends yet would be answered by a
// reset. When half of the time of the drain is over there is no patience any more, and at
// the deadline Kill comes. It reports whether the peer has ended its side, in order or by a
// reset.
func (c *Conn) linger(patience time.Duration) (ended bool) {
	wait, once := c.kind().lingerTime()
	if wait == 0 {
		return false
	}
	full := max(wait, c.group.Linger)
	left := unsent(c.sock()) // before the FIN, which counts as a byte until it is acknowledged
	c.halfClose(wait)
	moved := now()
	for {
		c.parting.Store(now() + int64(wait))
		_ = c.applyReadDeadline()
		n, err := discard(c.sock())
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return true
		}
		still := unsent(c.sock())
		switch {
		case once && still == 0:
			return false
		case once: // it has not had everything: whether it is still taking it is to be seen
			once, wait = false, full
		case still < left || n >= lingered:
			moved, wait = now(), full
		case !c.fetches():
			return false
		default:
			rest := time.Duration(c.patient(moved, patience) - now())
			if rest <= 0 {
				return false
			}
			wait = min(full, rest)
		}
		left = still
	}
}

// fetches reports whether the peer, though it has taken nothing for a while, may still want
// something: on its way to it, or of HTTP/2, whose WINDOW_UPDATEs say that it goes on. Who
// has shut its window, and says nothing by that, has stopped reading.
func (c *Conn) fetches() bool {
	if c.h2.Load() != nil {
		return unsent(c.sock()) > 0
	}
	return unacknowledged(c.sock()) > 0
}

// patient is until when a peer is waited for that has last taken something at the time
// moved.
func (c *Conn) patient(moved int64, patience time.Duration) int64 {
	if !c.group.IsDraining() {
		return moved
	}
	asked := c.ask.Load()
	if asked == 0 { // it closes by itself
		asked = moved
	}
	return min(moved+int64(patience), c.group.halfway(asked))
}

// untakenAs is how a connection ends whose peer has not ended its side, if that has not taken
// everything either. The kernel goes on with what HTTP/1 was answered, for as long as
// the peer sends nothing; HTTP/2 sends WINDOW_UPDATEs.
func (c *Conn) untakenAs(outcome messages.Outcome, lost bool) (messages.Outcome, bool) {
	left := unsent(c.sock())
	if left == 0 || outcome != messages.OutcomeDrained {
		return outcome, lost
	}
	return messages.OutcomeUnanswered, lost || (c.h2.Load() != nil && c.misses(left))
}

// onlyGoodbye reports whether nothing but our goodbye is missing to the peer of a connection
// that was idle when it left.
func (c *Conn) onlyGoodbye() bool {
	idle := c.has(parted)
	if h := c.h2.Load(); h != nil {
		idle = h.since.Load() <= h.askedAt.Load()
	}
	return idle && !c.misses(unsent(c.sock()))
}

// misses reports whether a part of an answer is among the bytes that its peer has not taken.
// HTTP/2 without a stream asks for none: it has SETTINGS and PINGs acknowledged.
func (c *Conn) misses(bytes int) bool {
	if h := c.h2.Load(); h != nil && h.newest.Load() == 0 {
		return false
	}
	return bytes > goodbyeCost
}

// goodbyeCost is what a farewell, or the GOAWAYs and the PING of HTTP/2, a close_notify
// and a FIN take at most, with TLS's records.
const goodbyeCost = 250

// halfClose sends the end of our side. A close_notify waits for room in the send
// buffer, for no longer than wait: it matters less than the response before it.
func (c *Conn) halfClose(wait time.Duration) {
	if c.below != nil {
		stop := time.AfterFunc(wait, func() { _ = c.sock().SetWriteDeadline(time.Unix(1, 0)) })
		_ = c.CloseWrite()
		stop.Stop()
	}
	if cw, ok := c.sock().(interface{ CloseWrite() error }); ok {
		_ = cw.CloseWrite()
	}
}

// discard reads to the end. Nearly always that is all there is: in a drain a
// buffer of some size for each connection would be a burst of garbage.
func discard(r io.Reader) (total int, err error) {
	buf := make([]byte, 64)
	for {
		n, err := r.Read(buf)
		total += n
		if err != nil {
			return total, err
		}
		if n == len(buf) && n < lingered {
			buf = make([]byte, lingered)
		}
	}
}
