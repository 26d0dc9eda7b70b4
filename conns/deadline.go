package conns

import (
	"os"
	"time"
)

// The read deadline of the socket serves two masters: the server sets one (an
// idle timeout, net/http's "long ago" that aborts its background read), and a
// connection that was asked to leave needs one that ends its wait. The server's
// is remembered in want; the effective one is the earlier of the two, and a Read
// that it ends finds out whose it was (expired).

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// longAgo is the instant of net/http's deadline that aborts its background read.
const longAgo = 1

// abortedError is the os.ErrDeadlineExceeded of a background read that was aborted
// before it reached the socket.
type abortedError struct{}

var errAborted abortedError

func (abortedError) Error() string        { return os.ErrDeadlineExceeded.Error() }
func (abortedError) Timeout() bool        { return true }
func (abortedError) Temporary() bool      { return true }
func (abortedError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// SetReadDeadline remembers the server's deadline and applies the effective one.
//
// net/http sets it five times a request, and most of that does nothing: it clears
// what is clear, or aborts a read that has not begun, or is over. The reader says
// that it is inside before it looks at want, and this sets want before it looks
// whether one is inside: one of the two sees the other.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if k := c.takeover.Load(); k != nil {
		return k.SetReadDeadline(t)
	}
	d := at(t)
	if c.want.Load() != d { // a store costs more than a load
		c.want.Store(d)
	}
	switch {
	case c.has(asked):
	case d == 0 && c.armed.Load() == 0:
		return nil
	case d == longAgo && c.head.http1 && c.phase() == working && !c.has(inside):
		return nil // whoever comes to read sees want
	}
	return c.applyReadDeadline()
}

// SetWriteDeadline sets the write deadline. Clearing it costs nothing, after each
// request, where nobody has ever set one.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if k := c.takeover.Load(); k != nil {
		return k.SetWriteDeadline(t)
	}
	if t.IsZero() && !c.has(limited) {
		return nil
	}
	if !c.has(limited) {
		c.raise(limited)
	}
	if k := c.takeover.Load(); k != nil { // meanwhile; or else Hijack finds the flag
		return k.SetWriteDeadline(t)
	}
	return c.net.SetWriteDeadline(t)
}

// applyReadDeadline makes the effective deadline the socket's. Two goroutines
// may be here at once; the last one to touch the socket sees whether what it
// applied is still right.
func (c *Conn) applyReadDeadline() error {
	for {
		d := c.effectiveReadDeadline()
		c.armed.Store(d)
		if err := c.net.SetReadDeadline(when(d)); err != nil || d == c.effectiveReadDeadline() {
			return err
		}
	}
}

func (c *Conn) effectiveReadDeadline() int64 {
	if end := c.parting.Load(); end != 0 {
		return end
	}
	want := c.want.Load()
	if due := c.due(); due != 0 && (want == 0 || due < want) {
		return due
	}
	return want
}

// headerBound is how many times IdleGrace an incomplete header, or record of a TLS
// handshake, may take in all once the connection was asked to leave, so that a dripping
// one ends too.
const headerBound = 2

// due is when the connection, as it is now, has been quiet for long enough to
// leave; 0 if it may not leave.
func (c *Conn) due() int64 {
	w := c.word.Load()
	if w&asked == 0 {
		return 0
	}
	grace := int64(c.group.IdleGrace)
	switch phase(w & phaseMask) {
	case fresh:
		// Nobody could tell its peer to repeat: it has the whole grace, and in a TLS
		// handshake for as long as it goes on sending, within bounds.
		return min(max(c.ask.Load(), c.active())+grace, max(c.ask.Load(), c.since.Load())+headerBound*grace,
			max(c.hurry(), c.active()))
	case idle:
		return min(c.active()+grace, max(c.hurry(), c.active()))
	case streams:
		return c.h2.Load().looksUp()
	case reading:
		return min(c.active()+grace, max(c.ask.Load(), c.since.Load())+headerBound*grace)
	}
	return 0
}

// hurry is when a connection that was asked to leave does not wait for its grace any
// more: one that is busy again before that is over, and again, would stay until the
// deadline, which cuts. In the second half of the time it leaves as soon as it is idle.
func (c *Conn) hurry() int64 { return c.group.halfway(c.ask.Load()) }

// active is when the peer was last active.
func (c *Conn) active() int64 { return max(c.since.Load(), c.last.Load()) }

// expired is called by a reader whose Read met a deadline. It returns nothing if
// the reader shall go on reading.
func (c *Conn) expired(p []byte, err error) (int, error) {
	t := now()
	if want := c.want.Load(); want != 0 && want <= t {
		return 0, err // the server's
	}
	if due := c.due(); due == 0 || due > t {
		return 0, c.applyReadDeadline() // ours, of a phase that is over
	}
	return c.leave(p)
}
