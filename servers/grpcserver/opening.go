package grpcserver

import (
	"context"
	"crypto/tls"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// opening is a connection of which gRPC has neither read nor written anything. What it
// does first shows whose the encryption is: with credentials of its own it waits for
// the client's word; without, HTTP/2 begins with its SETTINGS.
//
//	ServerHandshake, ours ──┐
//	SETTINGS ───────────────┴─▶ (TLS, if it is ours) ─▶ HTTP/2
//	anything else ─▶ the server fails: nobody has told us of its credentials
type opening struct {
	net.Conn // what it is so far
	conn     *conn
}

// Write implements net.Conn.
func (o *opening) Write(p []byte) (int, error) {
	if !isSettings(p) {
		return 0, o.misfit()
	}
	if err := o.conn.open(); err != nil {
		return 0, err
	}
	return o.conn.Conn.Write(p)
}

// Read implements net.Conn.
func (o *opening) Read([]byte) (int, error) { return 0, o.misfit() }

// misfit fails the server: no call of any connection would be seen, or answered.
func (o *opening) misfit() error {
	why := errOwn
	if o.conn.service.options.TLSConfig != nil {
		why = errBoth
	}
	o.conn.service.fail(why)
	return why
}

// isSettings reports whether p begins with a SETTINGS frame (RFC 9113, section 6.5).
func isSettings(p []byte) bool { return len(p) >= 9 && p[3] == 4 && [4]byte(p[5:9]) == [4]byte{} }

// open makes HTTP/2 of what gRPC reads and writes. The goroutine that serves the
// connection calls it, before anybody else has it.
func (c *conn) open() error {
	if o, ok := c.Conn.(*opening); ok {
		c.Conn = o.Conn
	}
	if c.service.options.TLSConfig == nil {
		return nil
	}
	if err := c.layer().HandshakeContext(context.Background()); err != nil {
		c.tracked.Abandon()
		return err
	}
	c.tracked.Handshaken()
	c.Conn = c.tracked.FollowHTTP2()
	return nil
}

func (c *conn) layer() *tls.Conn { return c.tracked.NetConn().(*tls.Conn) }

// handshakes are the credentials of a server whose connections we encrypt. What it is
// given by others it encrypts itself.
type handshakes struct {
	credentials.TransportCredentials
}

func (s *service) credentials() grpc.ServerOption {
	return grpc.Creds(handshakes{credentials.NewTLS(s.options.TLSConfig)})
}

// ServerHandshake implements credentials.TransportCredentials.
func (h handshakes) ServerHandshake(nc net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, ok := nc.(*conn)
	if !ok {
		return h.TransportCredentials.ServerHandshake(nc)
	}
	if err := c.open(); err != nil {
		return nil, nil, err
	}
	return c, credentials.TLSInfo{
		State:          c.layer().ConnectionState(),
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}, nil
}

// Clone implements credentials.TransportCredentials.
func (h handshakes) Clone() credentials.TransportCredentials {
	return handshakes{h.TransportCredentials.Clone()}
}
