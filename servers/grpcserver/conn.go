package grpcserver

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/godrain/drain/conns"
)

// conn is a connection as gRPC sees it.
type conn struct {
	net.Conn // what gRPC reads and writes
	tracked  *conns.Conn
	service  *service
	begun    atomic.Bool
	served   atomic.Bool // the handshakes are over, where they are not ours
	over     atomic.Bool

	remote atomic.Pointer[net.Addr] // nil until gRPC has asked for it
}

// uniqueAddr is the address of a connection whose own is like that of others.
type uniqueAddr struct{ net.Addr }

// start is called when the connection has been adopted.
func (c *conn) start() {
	switch o := c.service.options; {
	case o.OwnCredentials:
		c.Conn = c.tracked
	case o.TLSConfig != nil:
		c.Conn = &opening{c.tracked, c}
	default:
		c.Conn = &opening{c.tracked.FollowHTTP2(), c}
	}
}

// RemoteAddr is the same value at each call: gRPC's handle on the connection, by
// which TagConn finds it. It is asked for by the goroutine that serves the connection,
// not before: a listener of the user's may read it from there (the PROXY protocol).
func (c *conn) RemoteAddr() net.Addr {
	if known := c.remote.Load(); known != nil {
		return *known
	}
	addr := c.tracked.RemoteAddr()
	switch addr.(type) {
	case *net.TCPAddr, *net.UnixAddr: // each connection has one of its own
	default:
		addr = &uniqueAddr{addr}
	}
	if !c.remote.CompareAndSwap(nil, &addr) {
		return *c.remote.Load()
	}
	c.service.peers.Store(addr, c.tracked)
	return addr
}

// SetDeadline is gRPC's first act on a connection that it serves, and, with no
// deadline any more, its last before the calls: in between are the handshakes.
func (c *conn) SetDeadline(t time.Time) error {
	c.take()
	if c.service.options.OwnCredentials && t.IsZero() && !c.over.Load() {
		// What it carries from here on cannot be seen. Before, it leaves as any other
		// that is silent, or stops in the middle of a word.
		c.served.Store(true)
		c.tracked.Begin(&conns.Unit{Path: "(encrypted by the server's own credentials)"})
	}
	return c.Conn.SetDeadline(t)
}

// Close ends the connection.
func (c *conn) Close() error {
	c.over.Store(true)
	c.take()
	if known := c.remote.Load(); known != nil {
		c.service.peers.Delete(*known)
	}
	if o := c.service.options; o.OwnCredentials && !c.served.Load() && c.service.group.IsDraining() {
		c.tracked.Abandon() // the goodbye of all others would wait while it lingers
	}
	return c.Conn.Close()
}

func (c *conn) take() {
	if c.begun.CompareAndSwap(false, true) {
		c.service.taken()
	}
}
