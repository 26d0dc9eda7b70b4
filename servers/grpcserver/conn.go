package grpcserver

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/godrain/drain/conns"
)

// conn is a connection as gRPC sees it.
type conn struct {
	net.Conn // what gRPC reads and writes; before the TLS handshake, nothing
	tracked  *conns.Conn
	server   *Server
	begun    atomic.Bool

	remote atomic.Pointer[net.Addr] // nil until gRPC has asked for it
}

// uniqueAddr is the address of a connection whose own is like that of others.
type uniqueAddr struct{ net.Addr }

func (s *Server) track(g *conns.Group, nc net.Conn) *conn {
	c := &conn{server: s}
	if config := s.options.TLSConfig; config != nil {
		config = config.Clone()
		config.NextProtos = []string{"h2"}
		records := conns.NewRecords(nc)
		c.tracked = conns.NewTLS(g, tls.Server(records, config), records)
	} else {
		c.tracked = conns.New(g, nc)
	}
	if s.options.OwnCredentials {
		c.tracked.FollowReads()
		c.tracked.SetProtocol("gRPC")
	}
	c.Conn = c.tracked
	return c
}

// start is called when the connection has been adopted.
func (c *conn) start() {
	switch {
	case c.server.options.OwnCredentials:
		c.tracked.Begin(&conns.Unit{Path: "(encrypted by the server's own credentials)"})
	case c.server.options.TLSConfig == nil:
		c.multiplex()
	}
}

func (c *conn) multiplex() { c.Conn = c.tracked.FollowHTTP2() }

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
	c.server.peers.Store(addr, c.tracked)
	return addr
}

// SetDeadline is gRPC's first act on a connection that it serves.
func (c *conn) SetDeadline(t time.Time) error {
	c.take()
	return c.Conn.SetDeadline(t)
}

// Close ends the connection.
func (c *conn) Close() error {
	c.take()
	if known := c.remote.Load(); known != nil {
		c.server.peers.Delete(*known)
	}
	return c.Conn.Close()
}

func (c *conn) take() {
	if c.begun.CompareAndSwap(false, true) {
		c.server.taken()
	}
}

// handshakes are the credentials of a server whose connections we encrypt, or
// that are not encrypted.
type handshakes struct {
	credentials.TransportCredentials
}

func (s *Server) credentials() grpc.ServerOption {
	return grpc.Creds(handshakes{insecure.NewCredentials()})
}

// ServerHandshake implements credentials.TransportCredentials.
func (h handshakes) ServerHandshake(nc net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, ok := nc.(*conn)
	if !ok || c.server.options.TLSConfig == nil {
		return h.TransportCredentials.ServerHandshake(nc)
	}
	layer := c.tracked.NetConn().(*tls.Conn)
	if err := layer.HandshakeContext(context.Background()); err != nil {
		c.tracked.Abandon()
		return nil, nil, err
	}
	c.tracked.Handshaken()
	c.multiplex()
	return c, credentials.TLSInfo{
		State:          layer.ConnectionState(),
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}, nil
}

// Clone implements credentials.TransportCredentials.
func (h handshakes) Clone() credentials.TransportCredentials {
	return handshakes{h.TransportCredentials.Clone()}
}
