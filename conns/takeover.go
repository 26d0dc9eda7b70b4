package conns

import (
	"bufio"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/godrain/drain/messages"
)

// Upgrade says what a connection is that its handler takes over.
type Upgrade uint8

// What Hijack may be told of a connection.
const (
	Tunnel           Upgrade = iota // no WebSocket: bytes of any kind
	WebSocketAsked                  // the request asks for a WebSocket; the handler writes the answer
	WebSocketGranted                // the 101 is written: frames follow
)

// Takeover is a connection that its handler has taken over: the net.Conn that
// Hijack returns. It lies above TLS.
//
// If the request asked for a WebSocket and the answer is a 101, its frames are
// followed, so that it can be closed between two messages, with a close frame,
// under any library that does its I/O here: see websocket_leave.go. Anything else
// is a tunnel: it leaves when it has been quiet both ways for IdleGrace and no
// write is in progress; for five seconds, or half the time of the drain, if it was the
// peer who spoke last: that may have been a request.
type Takeover struct {
	*Conn
	layer net.Conn // Conn.net: what every Read and Write touches lies together here

	word  atomic.Uint64 // see websocket_state.go
	heard atomic.Int64  // when something was last read
	spoke atomic.Int64  // when something was last written
	got   atomic.Int64  // bytes read
	gave  atomic.Int64  // bytes written

	in     follower // of whoever is in Read
	out    follower // of whoever holds the write side
	answer answer   // what stands before it
	batch  batch    // with several: the messages of the peer's that came together

	turn   atomic.Pointer[chan struct{}] // passes the token to a writer that queues
	wishes atomic.Pointer[wishes]        // what the handler asked for; nil if nothing
	leaver atomic.Pointer[escort]        // nil until it is asked to leave

	request string
}

// Hijack gives the connection to its handler. rw is what net/http's Hijack
// returned; it reads and writes through the connection.
func (c *Conn) Hijack(u *Unit, upgrade Upgrade, rw *bufio.ReadWriter) (*Takeover, *bufio.ReadWriter) {
	k := &Takeover{Conn: c, layer: c.net, request: u.line()}
	switch upgrade {
	case WebSocketAsked:
		k.word.Store(upgrading | midOut)
	case WebSocketGranted:
		k.word.Store(upgrading | framed)
		k.answer.over = true
	}
	if n := rw.Reader.Buffered(); n > 0 && upgrade != Tunnel {
		early, _ := rw.Reader.Peek(n) // frames that came right behind the request
		k.followIn(early)
		k.heard.Store(now())
	}
	c.takeover.Store(k)
	if c.has(limited) {
		k.set(bounded, 0)
	}
	k.spoke.Store(now())
	c.step(hijack)
	c.owner.Idle()
	_ = c.applyReadDeadline()
	if c.has(asked) {
		k.leave()
	}
	return k, rw
}

// Read implements net.Conn.
func (k *Takeover) Read(p []byte) (int, error) { return k.read(p) }

// Write implements net.Conn. On a WebSocket it fails with ErrClosing once the
// drain's close frame has been sent; the control frames of a library succeed and
// go nowhere then.
func (k *Takeover) Write(p []byte) (int, error) { return k.write(p) }

// Close implements net.Conn. While nothing is being drained the socket is closed
// at once. Otherwise the connection says its goodbye, if that is possible, and
// lingers, and Close does not wait for it.
func (k *Takeover) Close() error {
	if !k.raise(closing) {
		return nil
	}
	k.set(shut, 0)
	if k.is(departing) || k.group.IsDraining() {
		k.leave()
		k.interrupt()
		k.signal()
		return nil
	}
	err := k.layer.Close()
	k.finish(messages.OutcomeDrained, false)
	return err
}

// SetDeadline implements net.Conn.
func (k *Takeover) SetDeadline(t time.Time) error {
	if err := k.SetReadDeadline(t); err != nil {
		return err
	}
	return k.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (k *Takeover) SetReadDeadline(t time.Time) error {
	k.want.Store(at(t))
	return k.applyReadDeadline()
}

func (k *Takeover) applyReadDeadline() error {
	if k.is(listening | shut | over) {
		return nil // it is not the handler that reads
	}
	err := k.layer.SetReadDeadline(when(k.want.Load()))
	if k.is(shut | over) {
		k.interrupt()
	}
	return err
}

// SetWriteDeadline implements net.Conn. The drain's close frame has the time of
// the drain. Libraries clear it before each write, where nobody has ever set one.
func (k *Takeover) SetWriteDeadline(t time.Time) error {
	if k.is(spoken) || (t.IsZero() && !k.is(bounded)) {
		return nil
	}
	k.set(bounded, 0)
	err := k.layer.SetWriteDeadline(t)
	if k.is(spoken) {
		_ = k.layer.SetWriteDeadline(time.Time{})
	}
	return err
}

// interrupt ends a Read in progress.
func (k *Takeover) interrupt() { _ = k.layer.SetReadDeadline(time.Unix(1, 0)) }

// unfinished reports whether killing the connection now cuts something.
func (k *Takeover) unfinished() bool {
	w := k.word.Load()
	if w&said != 0 {
		return k.messageUntaken()
	}
	return w&(taken|midOut|queued|marks) != 0
}

// killedAs : if its close frame has been sent and only the answer is missing, the
// deadline cuts nothing.
func (k *Takeover) killedAs(phase) (messages.Outcome, bool) {
	lost := k.unfinished()
	if w := k.word.Load(); w&said != 0 && w&(taken|midOut|marks) == 0 && !lost {
		return k.farewellOutcome(), false
	}
	return messages.OutcomeKilled, lost
}

func (k *Takeover) beginLeaving() { k.leave() }

func (k *Takeover) goneError() error { return io.EOF }

func (k *Takeover) mayLinger(phase) bool { return true }

func (k *Takeover) lingerTime() (time.Duration, bool) { return k.group.Linger, false }

func (k *Takeover) closedAs() (messages.Outcome, bool) { return messages.OutcomeDrained, false }

func (k *Takeover) describe(s *messages.Connection) {
	w := k.word.Load()
	s.Protocol, s.Request = http1Protocol, k.request
	if w&framed != 0 {
		s.Protocol = WebSocketProtocol
	}
	s.Read += k.got.Load()
	s.Written += k.gave.Load()
	s.Since = min(s.Age, time.Duration(now()-k.active()))
	switch {
	case s.State == messages.StateClosed:
	case w&said != 0 || w&over != 0:
		s.State = messages.StateLeaving
	case w&(taken|midOut|queued|marks) != 0:
		s.State = messages.StateBusy
	default:
		s.State = messages.StateIdle
	}
}

// active is when something last came or went.
func (k *Takeover) active() int64 { return max(k.spoke.Load(), k.heard.Load()) }

// handlerReturned and socketClosed end the count of the handler as one that is
// running. A handler that sleeps between two ticks hears of the end of its
// connection only when it writes again: it has Linger to return, and is not
// waited for after that.
func (k *Takeover) handlerReturned() {
	if before, _ := k.set(dismissed, 0); before&dismissed == 0 {
		k.group.exit()
	}
}

func (k *Takeover) socketClosed() {
	if !k.is(dismissed) {
		time.AfterFunc(k.group.Linger, k.handlerReturned)
	}
	k.signal()
}

var _ net.Conn = (*Takeover)(nil)
