package servers

import (
	"crypto/tls"
	"io"
	"net"

	"github.com/godrain/drain/conns"
)

// acceptor makes tracked connections of what the listener accepts.
type acceptor struct {
	*listener
	tracker conns.Tracker
	server  *HTTPServer
}

func (a *acceptor) Accept() (net.Conn, error) {
	for {
		a.tracker.Admit()
		nc, err := a.listener.Accept()
		if err != nil {
			return nil, err
		}
		c, served := a.server.track(a.tracker.Group(), nc)
		if err := a.tracker.Adopt(c); err == nil {
			return served, nil
		}
	}
}

// secured is a connection of a listener that does TLS itself, as tls.Listen's does. The
// TLSConfig of the http.Server, which is often the same, is its affair then.
type secured interface{ ConnectionState() tls.ConnectionState }

// track makes the tracked connection, and what net/http is to see of it.
func (h *HTTPServer) track(g *conns.Group, nc net.Conn) (*conns.Conn, net.Conn) {
	_, speaksTLS := nc.(secured)
	if h.tlsConfig == nil || speaksTLS {
		return h.trackPlain(g, nc)
	}
	c := &tlsConn{records: conns.Records{Conn: nc}, server: h}
	c.tls = tls.Server(&c.records, h.tlsConfig)
	c.InitTLS(g, c.tls, &c.records)
	c.FollowNetHTTP()
	return &c.Conn, c
}

// trackPlain is track for a listener of sockets, or of the user's.
func (h *HTTPServer) trackPlain(g *conns.Group, nc net.Conn) (*conns.Conn, net.Conn) {
	if _, ok := nc.(secured); ok {
		c := conns.New(g, nc)
		c.FollowNetHTTP()
		return c, &userTLSConn{Conn: c, server: h}
	}
	if h.h2.speaks.UnencryptedHTTP2() || !h.h2.speaks.HTTP1() {
		c := &h2cConn{h2: h.h2}
		c.Init(g, nc)
		c.FollowNetHTTP()
		c.Undecided()
		return &c.Conn, c
	}
	c := &plainConn{}
	c.Init(g, nc)
	c.FollowNetHTTP()
	return &c.Conn, c
}

// plainConn is a connection without TLS. It has the tracked one in it, not a
// pointer to it: then there is nothing between net/http's calls and that.
type plainConn struct{ conns.Conn }

func (c *plainConn) tracked() *conns.Conn { return &c.Conn }

// ReadFrom implements io.ReaderFrom, which net/http looks for.
func (c *plainConn) ReadFrom(r io.Reader) (int64, error) { return c.Sendfile(r) }
