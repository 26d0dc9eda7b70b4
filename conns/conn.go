package conns

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/godrain/drain/messages"
)

// Unit describes a unit of work in progress, for people. It must not change
// once it has been handed to Begin, and is good for one: the next needs another.
type Unit struct {
	Method string // of HTTP; else empty
	Path   string // without the query

	interrupt Interrupt
}

// Context gives the unit a context of its own, for its handler: it carries c, is
// cancelled when the connection has ended and at the deadline of a drain, and a drain
// can interrupt it (see Interruptible). Values come from parent, and so does
// everything else until somebody looks whether it is cancelled: what can be cancelled
// is only made then. It is to be called before the unit is handed to Begin.
func (u *Unit) Context(c *Conn, parent context.Context) context.Context {
	u.interrupt.conn, u.interrupt.parent = c, parent
	return (*interruptible)(&u.interrupt)
}

// NetHTTPContext is Context for a request that net/http serves over HTTP/1. The
// request's context there ends with its handler, or when reading from the peer or
// writing to it has failed. All of that happens here: so what can be cancelled does
// not hang on that context, which would cost as much again, unless the server has a
// BaseContext or a ConnContext that can be cancelled too.
func (u *Unit) NetHTTPContext(c *Conn, parent context.Context) context.Context {
	u.interrupt.alone = c.has(rootless)
	return u.Context(c, parent)
}

// End marks that the handler of a unit has returned that was given a Context and to no
// Begin: Return and Done do it for others.
func (u *Unit) End() { _ = u.interrupt.ended() }

// Cut reports whether the deadline has cancelled the unit, and its handler, or what that
// has called, has looked at its context.
func (u *Unit) Cut() bool { return u.interrupt.cut() }

// Conn is the connection that Context was given.
func (u *Unit) Conn() *Conn { return u.interrupt.conn }

// line is what the unit is called where it is shown and kept.
func (u *Unit) line() string {
	if u.Method == "" {
		return shortened(u.Path)
	}
	return shortened(u.Method) + " " + shortened(u.Path)
}

// longestName is how many bytes of a method and of a path are shown.
const longestName = 1 << 10

func shortened(name string) string {
	if len(name) <= longestName {
		return name
	}
	end := longestName
	for end > longestName-utf8.UTFMax && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + "…"
}

// Conn is a tracked connection. One object stands for a connection, never one
// per layer: over TLS it lies above the TLS layer and knows the socket below.
type Conn struct {
	// What each request touches lies together.
	net   net.Conn // what is read and written
	owner Owner
	group *Group

	word atomic.Uint32 // the serving goroutine's phase, and flags: see state.go
	seat int32         // see Seat

	want  atomic.Int64 // the read deadline that the server set: see deadline.go
	armed atomic.Int64 // the one that the socket was given last
	since atomic.Int64 // when this phase began

	requests      atomic.Uint32
	before        uint32 // how much was written when the unit in progress began, as far as it fits; of the serving goroutine
	read, written atomic.Int64
	unit          atomic.Pointer[Unit]

	takeover atomic.Pointer[Takeover]
	raw      *raw // nil unless its protocol is a stranger's: see raw.go
	head     head // follows HTTP/1 requests: see http1.go

	// What it takes to leave.
	last    atomic.Int64 // when the peer was last active, if that was after since
	ask     atomic.Int64 // when the actor asked
	parting atomic.Int64 // until when it lingers

	below  *Records                                // the TLS records, and the socket under them; nil without TLS
	base   *context.Context                        // see Carry
	cancel atomic.Pointer[context.CancelCauseFunc] // of the context of everything on it, if it has one
	h2     atomic.Pointer[H2]                      // once it speaks HTTP/2

	serial int64 // its number in the group
	opened int64
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
	c.InitTLS(g, layer, below)
	return c
}

// Init is New for a Conn that is part of something else.
func (c *Conn) Init(g *Group, nc net.Conn) {
	c.net, c.group = nc, g
	c.serial, c.opened = g.serials.Add(1), now()
	c.since.Store(c.opened)
}

// InitTLS is NewTLS for a Conn that is part of something else.
func (c *Conn) InitTLS(g *Group, layer net.Conn, below *Records) {
	c.Init(g, layer)
	c.below, below.shaking = below, c
}

// FollowHTTP1 tells that the connection speaks HTTP/1, whose requests are
// followed to learn where they end, and whose farewell is a 408.
func (c *Conn) FollowHTTP1() { c.head.http1 = true }

// FollowNetHTTP is FollowHTTP1 for net/http, which reads one byte in the background
// while it handles a request. Others read one byte to wait for the next request.
func (c *Conn) FollowNetHTTP() {
	c.FollowHTTP1()
	c.head.ahead = true
}

// Undecided tells that what begins like HTTP/1 may be the preface of HTTP/2, until
// Decided is called: a header that is whole is none yet.
func (c *Conn) Undecided() { c.head.other = true }

// Decided tells that it is HTTP/1. The serving goroutine calls it.
func (c *Conn) Decided() {
	if c.head.other = false; c.head.done {
		c.step(gotHeader)
	}
}

// Own names who hears what happens. It is called once, on adoption, before the
// connection is served.
func (c *Conn) Own(o Owner) {
	if c.owner = o; c.raw != nil {
		c.raw.owner, c.owner = o, c.raw
	}
}

// Claim decides who answers for a connection whose server may have gone while its
// acceptor handed it over: the server that reads Adopt, or the connection's actor
// that is stopped. It is true for the first of the two.
func (c *Conn) Claim() bool { return c.raise(claimed) }

// Seat is where a server remembers the connection's place among its others. Nobody
// else looks at it.
func (c *Conn) Seat() *int32 { return &c.seat }

// Age is how long ago the connection was accepted.
func (c *Conn) Age() time.Duration { return time.Duration(now() - c.opened) }

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

// RemoteAddr is the peer's address. It may wait: a listener of the user's may read it
// from the connection (the PROXY protocol). It is for who serves that.
func (c *Conn) RemoteAddr() net.Addr {
	addr := c.sock().RemoteAddr()
	if !c.has(met) {
		c.raise(met)
	}
	return addr
}

// Peer is the peer's address in words. It never waits: on a connection of a listener
// of the user's it is empty until somebody who serves it has asked for RemoteAddr, as
// net/http does first of all.
func (c *Conn) Peer() string {
	switch c.sock().(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		if !c.has(met) {
			return ""
		}
	}
	if addr := c.sock().RemoteAddr(); addr != nil {
		return addr.String()
	}
	return ""
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
		Requests: int64(c.requests.Load()), Read: c.read.Load(), Written: c.written.Load(),
	}
	c.kind().describe(&s)
	return s
}
