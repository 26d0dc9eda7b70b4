//lint:file-ignore SA1019 ServeConn is deprecated in favour of http.Server, which serves no net.Conn but its own.

package servers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"github.com/godrain/drain/conns"
)

// h2 is how an HTTPServer speaks HTTP/2: golang.org/x/net/http2, on a connection
// that lies above TLS and follows the frames (conns.H2).
type h2 struct {
	server   *HTTPServer
	engine   *http2.Server
	speaks   http.Protocols // what net/http would speak with this configuration
	tlsProto map[string]func(*http.Server, *tls.Conn, http.Handler)
	handOver func(*http.Server, *tls.Conn, http.Handler) // the user's own HTTP/2, see handOverKey
}

// newH2 finds out which protocols net/http would speak, and says what is wrong
// with the TLS configuration if it cannot carry HTTP/2.
func newH2(h *HTTPServer) (*h2, error) {
	s := h.template
	x := &h2{server: h, tlsProto: maps.Clone(s.TLSNextProto)}
	x.speaks = spoken(s)
	if x.users("h2") {
		// The user has called http2.ConfigureServer, or brought an HTTP/2 of his own.
		x.handOver = x.tlsProto[handOverKey]
		if x.handOver == nil {
			x.speaks.SetUnencryptedHTTP2(false)
			return x, nil
		}
	} else {
		delete(x.tlsProto, "h2")
	}
	if !x.speaks.HTTP2() && !x.speaks.UnencryptedHTTP2() {
		return x, nil
	}
	x.engine = &http2.Server{}
	base := &http.Server{ReadTimeout: s.ReadTimeout, IdleTimeout: s.IdleTimeout}
	if s.TLSConfig != nil && x.speaks.HTTP2() {
		base.TLSConfig = s.TLSConfig.Clone()
	}
	if err := http2.ConfigureServer(base, x.engine); err != nil {
		return nil, fmt.Errorf("the TLS configuration does not fit HTTP/2: %w", err)
	}
	return x, nil
}

// users reports whether the user's TLSNextProto has a protocol that net/http has
// not put there itself, when it served this http.Server before.
func (x *h2) users(proto string) bool {
	f := x.tlsProto[proto]
	if f == nil {
		return false
	}
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return !strings.HasPrefix(name, "net/http.")
}

// handOverKey is the entry of TLSNextProto by which net/http hands a connection
// without TLS, whose preface it has read, to an HTTP/2 that was configured with
// http2.ConfigureServer. It is the door to the user's settings.
const handOverKey = "unencrypted_http2"

// spoken is what s would speak: Protocols, TLSNextProto, GODEBUG and go:debug have
// a say in it, and net/http alone knows how. So it is asked: a server like s, that
// serves nothing, shows what it has set up.
func spoken(s *http.Server) http.Protocols {
	var p http.Protocols
	if s.Protocols != nil {
		p = *s.Protocols
	} else {
		p.SetHTTP1(true)
		_, has := s.TLSNextProto["h2"]
		p.SetHTTP2(s.TLSNextProto == nil || has)
	}
	probe := &http.Server{Protocols: s.Protocols, TLSNextProto: maps.Clone(s.TLSNextProto)}
	_ = probe.Serve(nothing{})
	_, h2 := probe.TLSNextProto["h2"]
	_, h2c := probe.TLSNextProto[handOverKey]
	p.SetHTTP2(p.HTTP2() && h2)
	p.SetUnencryptedHTTP2(p.UnencryptedHTTP2() && h2c)
	return p
}

// nothing is a listener that accepts nothing.
type nothing struct{}

func (nothing) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (nothing) Close() error              { return nil }
func (nothing) Addr() net.Addr            { return &net.TCPAddr{} }

// upgrade is called when the handshake is over: it serves what was negotiated, if
// that is not HTTP/1, and reports whether net/http shall go on.
func (x *h2) upgrade(ctx context.Context, c *conns.Conn, tc *tls.Conn) bool {
	state := tc.ConnectionState()
	proto := state.NegotiatedProtocol
	serve := x.tlsProto[proto]
	switch {
	case proto == "h2" && x.engine != nil && x.speaks.HTTP2():
		x.serve(ctx, c, nil, &state)
		return false
	case proto == "" || proto == "http/1.1" || proto == "http/1.0":
		return x.speaks.HTTP1()
	case serve != nil:
		x.serveForeign(ctx, c, tc, serve)
	}
	return false
}

// serve speaks HTTP/2 on c until it ends.
func (x *h2) serve(ctx context.Context, c *conns.Conn, received []byte, state *tls.ConnectionState) {
	h := &h2Handler{server: x.server, conn: c.Multiplex(received), tls: state}
	base := x.server.user
	if x.server.template.ConnState != nil { // it must be called with another net.Conn
		base, h.inside = x.server.inner, true
	}
	var nc net.Conn = &h2Conn{h.conn} // of a pointer, the calls go straight through
	if state != nil {
		nc = &h2TLSConn{h2Conn{h.conn}, state}
	}
	defer func() { _ = nc.Close() }()
	if x.handOver == nil {
		x.engine.ServeConn(nc, &http2.ServeConnOpts{Context: ctx, BaseConfig: base, Handler: h})
		return
	}
	if readPreface(nc) == nil {
		h.ctx = ctx
		x.handOver(base, tls.Client(handedOver{Conn: nil, conn: nc}, nil), h)
	}
}

// prefaceTimeout is that of the HTTP/2 servers.
const prefaceTimeout = 10 * time.Second

func readPreface(nc net.Conn) error {
	_ = nc.SetReadDeadline(time.Now().Add(prefaceTimeout))
	defer func() { _ = nc.SetReadDeadline(time.Time{}) }()
	preface := make([]byte, len(conns.H2Preface))
	if _, err := io.ReadFull(nc, preface); err != nil {
		return err
	}
	if string(preface) != conns.H2Preface {
		return errors.New("not an HTTP/2 client")
	}
	return nil
}

// handedOver is what the *tls.Conn that a TLSNextProto function is given hides.
type handedOver struct {
	net.Conn
	conn net.Conn
}

// UnencryptedNetConn is what HTTP/2 servers look for.
func (c handedOver) UnencryptedNetConn() net.Conn { return c.conn }

// serveForeign lets the user's own protocol have the connection, as net/http does.
// It is busy until that returns: nothing is known of what happens on it.
func (x *h2) serveForeign(ctx context.Context, c *conns.Conn, tc *tls.Conn, serve func(*http.Server, *tls.Conn, http.Handler)) {
	unit := conns.Unit{Path: tc.ConnectionState().NegotiatedProtocol}
	c.Begin(&unit)
	completed := false
	defer func() {
		c.Return(completed)
		_ = c.Close()
	}()
	serve(x.server.user, tc, foreign{ctx: ctx, server: x.server, conn: c, tls: tc})
	completed = true
}

// foreign is the handler that a TLSNextProto function is given.
type foreign struct {
	ctx    context.Context
	server *HTTPServer
	conn   *conns.Conn
	tls    *tls.Conn
}

// BaseContext is what HTTP/2 servers look for.
func (f foreign) BaseContext() context.Context { return f.ctx }

func (f foreign) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.TLS == nil {
		state := f.tls.ConnectionState()
		r.TLS = &state
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if r.RemoteAddr == "" {
		r.RemoteAddr = f.tls.RemoteAddr().String()
	}
	var unit conns.Unit
	defer unit.End()
	setContext(r, unit.Context(f.conn, r.Context()))
	f.server.userHandler(r).ServeHTTP(w, r)
}

// h2Conn is the connection as the HTTP/2 server sees it.
type h2Conn struct{ *conns.H2 }

func (c h2Conn) tracked() *conns.Conn { return c.Conn }

// h2TLSConn is one over TLS.
type h2TLSConn struct {
	h2Conn
	state *tls.ConnectionState
}

// ConnectionState is what HTTP/2 servers look for.
func (c h2TLSConn) ConnectionState() tls.ConnectionState { return *c.state }
