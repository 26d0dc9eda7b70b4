package conns

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/godrain/drain/messages"
)

// Unit describes a unit of work in progress, for people. It must not change
// once it has been handed to Begin.
type Unit struct {
	Protocol string
	Method   string
	Path     string // without the query
}

func (u *Unit) line() string {
	if u.Method == "" {
		return u.Path
	}
	return u.Method + " " + u.Path
}

// Conn is a tracked connection. One object stands for a connection, never one
// per layer: over TLS it lies above the TLS layer and knows the socket below.
type Conn struct {
	net   net.Conn // what is read and written
	below *Records // the TLS records, and the socket under them; nil without TLS
	group *Group
	owner Owner

	word   atomic.Uint32 // the serving goroutine's phase, and flags: see state.go
	inside atomic.Bool   // somebody reads from the socket

	// Read deadlines: see deadline.go.
	want    atomic.Int64 // the one that the server set
	armed   atomic.Int64 // the one that the socket was given last
	since   atomic.Int64 // when this phase began
	last    atomic.Int64 // when the peer was last active, if that was later
	ask     atomic.Int64 // when the actor asked
	parting atomic.Int64 // until when it lingers

	// What a person wants to know.
	serial        int64 // its number in the group
	opened        int64
	requests      atomic.Int64
	read, written atomic.Int64
	unit          atomic.Pointer[Unit]

	head    head // follows HTTP/1 requests: see http1.go
	raw     *raw // nil unless its protocol is a stranger's: see raw.go
	goodbye func(io.Writer)

	context  atomic.Pointer[connContext]
	takeover atomic.Pointer[Takeover]

	interrupt atomic.Pointer[Interrupt] // of the HTTP/1 request in progress, if it was asked for

	h2 atomic.Pointer[H2] // once it speaks HTTP/2
}

// New makes a tracked connection of nc. It must be adopted before it is used.
func New(g *Group, nc net.Conn) *Conn {
	c := new(Conn)
	c.Init(g, nc)
	return c
}

// NewTLS makes a tracked connection of a TLS layer and the socket below it.
func NewTLS(g *Group, layer net.Conn, below *Records) *Conn {
	c := new(Conn)
	c.Init(g, layer)
	c.below = below
	return c
}

// Init is New for a Conn that is part of something else.
func (c *Conn) Init(g *Group, nc net.Conn) {
	c.net, c.group = nc, g
	c.serial, c.opened = g.serials.Add(1), now()
	c.since.Store(c.opened)
}

// FollowHTTP1 tells that the connection speaks HTTP/1, whose requests are
// followed to learn where they end, and whose farewell is a 408.
func (c *Conn) FollowHTTP1() {
	c.head.http1 = true
	if !c.group.NoFarewell {
		c.goodbye = sayFarewell
	}
}

// Own names who hears what happens. It is called once, on adoption, before the
// connection is served.
func (c *Conn) Own(o Owner) { c.owner = o }

// Claim decides who answers for a connection whose server may have gone while its
// acceptor handed it over: the server that reads Adopt, or the connection's actor
// that is stopped. It is true for the first of the two.
func (c *Conn) Claim() bool { return c.raise(claimed) }

// Group is what the connection shares with the others of its server.
func (c *Conn) Group() *Group { return c.group }

// sock is the socket.
func (c *Conn) sock() net.Conn {
	if c.below != nil {
		return c.below.Conn
	}
	return c.net
}

// NetConn returns what the connection wraps: the socket, or the TLS layer.
func (c *Conn) NetConn() net.Conn { return c.net }

// LocalAddr is the listener's address.
func (c *Conn) LocalAddr() net.Addr { return c.sock().LocalAddr() }

// RemoteAddr is the peer's address.
func (c *Conn) RemoteAddr() net.Addr { return c.sock().RemoteAddr() }

// Peer is the peer's address in words; empty if a listener of the user's names none.
func (c *Conn) Peer() string {
	if addr := c.RemoteAddr(); addr != nil {
		return addr.String()
	}
	return ""
}

// Read reads from the peer. It is here that a connection turns idle, turns busy
// and leaves.
//
// Few functions lie between this one and Busy, and their frames are small: the
// first read of net/http's would otherwise need a stack of 8 KiB instead of 4.
func (c *Conn) Read(p []byte) (n int, err error) {
	switch c.phase() {
	case rested:
		c.waits()
	case hijacked:
		return c.takeover.Load().read(p)
	case leaving:
		return 0, c.kind().goneError()
	}
	if c.raw != nil {
		c.raw.reads.Store(true)
	}
	for {
		if n, err = c.readNet(p); n > 0 {
			if c.follow(p[:n]) {
				c.owner.Busy()
			}
			break
		}
		if err == nil || err == errAborted {
			break
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			c.raise(broken)
			break
		}
		if n, err = c.expired(p, err); n > 0 || err != nil {
			break
		}
	}
	if c.raw != nil {
		c.raw.reads.Store(false)
	}
	return n, err
}

// readNet reads from the socket, unless net/http has aborted the read: see
// SetReadDeadline. A reader that waits for a first byte is alone.
func (c *Conn) readNet(p []byte) (int, error) {
	if c.phase() == idle {
		return c.net.Read(p)
	}
	c.inside.Store(true)
	if c.want.Load() == longAgo {
		c.inside.Store(false)
		return 0, errAborted
	}
	n, err := c.net.Read(p)
	c.inside.Store(false)
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
	if c.follow(p) {
		c.owner.Busy()
	}
}

// follow follows what was read, and reports whether it begins a unit: the owner is
// to be told that it is busy.
func (c *Conn) follow(p []byte) (first bool) {
	c.read.Add(int64(len(p)))
	before, after := c.step(gotByte)
	if before != after { // the first byte of a unit
		c.since.Store(now())
		c.head.reset()
	}
	if c.head.http1 {
		c.head.follow(p)
	}
	if c.has(asked) {
		c.last.Store(now())
		_ = c.applyReadDeadline()
	}
	return before != after
}

// Begin marks that a unit of work has arrived and its handler starts. Without
// it, a connection that is quiet for IdleGrace in the middle of a unit leaves.
func (c *Conn) Begin(u *Unit) {
	if c.has(returned) {
		c.clear(returned)
	}
	c.unit.Store(u)
	before, _ := c.step(begin)
	if before == rested { // it was pipelined, the reader has not been back
		c.head.lose()
	}
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
	c.endInterrupt()
	if k := c.takeover.Load(); k != nil {
		k.handlerReturned()
		return
	}
	if c.raw == nil {
		c.group.exit()
	}
}

// Idle marks that a unit of work is done: its last byte is written. The
// connection is idle as soon as its reader is back in Read.
func (c *Conn) Idle() {
	c.unit.Store(nil)
	before, _ := c.step(rest)
	if c.raw != nil {
		c.raw.done(c, before)
	}
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

// Handshaken marks that the TLS handshake is over: the time for a first request
// begins.
func (c *Conn) Handshaken() {
	c.last.Store(now())
	if c.has(asked) {
		_ = c.applyReadDeadline()
	}
}

// Abandon marks that the connection is of no use any more, without a word: its
// handshake has failed.
func (c *Conn) Abandon() {
	c.raise(wordless)
	c.step(leave)
	_ = c.net.Close()
}

// CloseWrite ends what we send: a close_notify over TLS, a FIN without.
func (c *Conn) CloseWrite() error {
	if cw, ok := c.net.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SyscallConn gives access to the socket.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := c.sock().(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// Snapshot describes the connection now. It may be called from anywhere.
func (c *Conn) Snapshot() messages.Connection {
	t := now()
	s := messages.Connection{
		ID: c.serial, Server: c.group.name, Peer: c.Peer(), Protocol: "TCP",
		State: publicStates[c.phase()],
		Age:   time.Duration(t - c.opened), Since: time.Duration(t - c.since.Load()),
		Requests: c.requests.Load(), Read: c.read.Load(), Written: c.written.Load(),
	}
	c.kind().describe(&s)
	return s
}
