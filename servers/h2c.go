package servers

import (
	"context"
	"io"
	"time"

	"github.com/godrain/drain/conns"
)

// h2cConn is a connection without TLS whose client may speak HTTP/2 by prior
// knowledge (RFC 9113, section 3.3): it is known by its first bytes. net/http reads
// from it to serve HTTP/1; that read is where HTTP/2 is served, in the same
// goroutine.
type h2cConn struct {
	plainConn
	h2    *h2
	ctx   context.Context
	known bool
}

// Read reads, and serves HTTP/2 if that is what it reads.
func (c *h2cConn) Read(p []byte) (int, error) {
	if c.known {
		return c.plainConn.Read(p)
	}
	n := 0
	for {
		m, err := c.plainConn.Read(p[n:min(len(p), len(conns.H2Preface))])
		n += m
		switch {
		case err != nil || n == len(p):
			c.known = true
			c.Decided()
			return n, err
		case string(p[:n]) != conns.H2Preface[:n]:
			c.known = true
			return c.http1(n)
		case n == len(conns.H2Preface):
			c.known = true
			if !c.h2.speaks.UnencryptedHTTP2() {
				return 0, io.EOF
			}
			_ = c.SetReadDeadline(time.Time{}) // the one for an HTTP/1 header
			c.h2.serve(c.Context(c.ctx), &c.Conn, append([]byte(nil), p[:n]...), nil)
			return 0, io.EOF
		}
	}
}

// http1 goes on with HTTP/1, if it is spoken here.
func (c *h2cConn) http1(n int) (int, error) {
	if !c.h2.speaks.HTTP1() {
		return 0, io.EOF
	}
	c.Decided()
	return n, nil
}
