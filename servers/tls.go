package servers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/godrain/drain/conns"
)

// serverTLS is the configuration that srv.ServeTLS would serve with.
func serverTLS(srv *http.Server, o HTTPOptions, speaks http.Protocols) (*tls.Config, error) {
	config := &tls.Config{}
	if srv.TLSConfig != nil {
		config = srv.TLSConfig.Clone()
	}
	config.NextProtos = nextProtos(config.NextProtos, speaks)
	if o.CertFile == "" && o.KeyFile == "" {
		return config, nil
	}
	cert, err := loadCertificate(o.CertFile, o.KeyFile)
	if err != nil {
		return nil, err
	}
	config.Certificates = []tls.Certificate{cert}
	return config, nil
}

func loadCertificate(certFile, keyFile string) (tls.Certificate, error) {
	if certFile == "" || keyFile == "" {
		return tls.Certificate{}, fmt.Errorf("the certificate %q and the key %q: they go together", certFile, keyFile)
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		err = fmt.Errorf("cannot load the certificate %q with the key %q: %w", certFile, keyFile, err)
	}
	return cert, err
}

// hasCertificate reports whether a handshake with this configuration can succeed.
func hasCertificate(c *tls.Config) bool {
	return len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil
}

// nextProtos is what is offered: net/http adds the protocols that it speaks and
// removes those that it does not.
func nextProtos(protos []string, speaks http.Protocols) []string {
	protos = slices.DeleteFunc(slices.Clone(protos), func(p string) bool {
		return (p == "h2" && !speaks.HTTP2()) || (p == "http/1.1" && !speaks.HTTP1())
	})
	if speaks.HTTP2() && !slices.Contains(protos, "h2") {
		protos = append(protos, "h2")
	}
	if speaks.HTTP1() && !slices.Contains(protos, "http/1.1") {
		protos = append(protos, "http/1.1")
	}
	return protos
}

// tlsConn is a connection with TLS as net/http sees it: one object above both
// layers. It is no *tls.Conn, so net/http takes it for one whose handshake is
// over, asks for its state, and speaks HTTP/1: that question is where the
// handshake happens, in the goroutine where net/http's own would.
type tlsConn struct {
	conns.Conn
	records conns.Records
	tls     *tls.Conn
	server  *HTTPServer
	ctx     context.Context
}

func (c *tlsConn) tracked() *conns.Conn { return &c.Conn }

// ConnectionState does the handshake and, if HTTP/2 is agreed on, serves it.
func (c *tlsConn) ConnectionState() tls.ConnectionState {
	c.server.secure(c.ctx, &c.Conn, c.tls)
	return c.tls.ConnectionState()
}

// secure does the handshake of a connection that net/http has been given and, if
// HTTP/2 is agreed on, serves it.
func (h *HTTPServer) secure(ctx context.Context, c *conns.Conn, layer *tls.Conn) {
	ctx = c.Context(ctx)
	if h.handshake(ctx, c, layer) != nil {
		c.Abandon()
		return
	}
	c.Handshaken()
	if !h.h2.upgrade(ctx, c, layer) {
		_ = c.Close()
		return
	}
	c.DropContext() // each HTTP/1 request has its own
}

// handshake does it as net/http would: bounded by the server's timeouts; what fails
// is logged, and a client that does not speak TLS is told so.
func (h *HTTPServer) handshake(ctx context.Context, c *conns.Conn, layer *tls.Conn) error {
	if d := handshakeTimeout(h.template); d > 0 {
		_ = c.SetReadDeadline(time.Now().Add(d))
		_ = c.SetWriteDeadline(time.Now().Add(d))
		defer func() {
			_ = c.SetReadDeadline(time.Time{})
			_ = c.SetWriteDeadline(time.Time{})
		}()
	}
	err := layer.HandshakeContext(ctx)
	if err == nil {
		return nil
	}
	reason := err.Error()
	var re tls.RecordHeaderError
	if errors.As(err, &re) && re.Conn != nil && looksLikeHTTP(re.RecordHeader) {
		_, _ = io.WriteString(re.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		reason = "client sent an HTTP request to an HTTPS server"
	}
	if !c.Group().IsDraining() {
		h.logf("http: TLS handshake error from %s: %v", c.RemoteAddr(), reason)
	}
	return err
}

// looksLikeHTTP is net/http's test for a client that speaks plain HTTP.
func looksLikeHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}

// handshakeTimeout is the shortest of the timeouts that are set, as in net/http.
func handshakeTimeout(srv *http.Server) time.Duration {
	var shortest time.Duration
	for _, d := range []time.Duration{srv.ReadHeaderTimeout, srv.ReadTimeout, srv.WriteTimeout} {
		if d > 0 && (shortest == 0 || d < shortest) {
			shortest = d
		}
	}
	return shortest
}

// userTLSConn is a connection from a listener of the user's that does TLS itself.
type userTLSConn struct {
	*conns.Conn
	server *HTTPServer
	ctx    context.Context
}

func (c *userTLSConn) tracked() *conns.Conn { return c.Conn }

// ConnectionState does the handshake, as net/http would on a *tls.Conn, and, if
// HTTP/2 is agreed on, serves it.
func (c *userTLSConn) ConnectionState() tls.ConnectionState {
	if t, ok := c.NetConn().(*tls.Conn); ok {
		c.server.secure(c.ctx, c.Conn, t)
	}
	return c.NetConn().(interface{ ConnectionState() tls.ConnectionState }).ConnectionState()
}
