package servers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/conns"
)

// HTTPOptions are what an *http.Server does not say.
type HTTPOptions struct {
	// Name in the Report, metrics and log. Default "http" or "https".
	Name string
	// Listener to serve on instead of srv.Addr. Its accept queue is emptied as well
	// as can be; new connections are not kept out meanwhile, since it may be shared.
	Listener net.Listener
	// CertFile and KeyFile switch TLS on, as does a certificate in srv.TLSConfig.
	CertFile, KeyFile string
	// Settings, where they are not zero, take the place of the tree's.
	conns.Settings
	// MaxConns limits the open connections; at the limit the server stops
	// accepting, the kernel's queue holds the rest. 0 is the tree's limit.
	MaxConns int
}

// HTTPServer is a managed *http.Server; see HTTP.
type HTTPServer struct {
	options  HTTPOptions
	template *http.Server
	managed  atomic.Bool // between Bind and Release

	h2        *h2         // which protocols are spoken besides HTTP/1, and how
	tlsConfig *tls.Config // nil without TLS
	listener  *listener
	inner     *http.Server // the one that serves; a new one for each start
	group     *conns.Group
	front     *front
	accepting atomic.Bool
}

// HTTP manages srv: HTTP/1.1 and HTTP/2, over TLS if srv.TLSConfig has a
// certificate. srv is not changed and does not serve itself: a server of the same
// configuration does, so that srv can be started again after a drain. What srv
// calls (Handler, ConnState, ConnContext, BaseContext, ErrorLog) is called as
// net/http would, and functions registered by RegisterOnShutdown run when the
// last connection has ended.
//
// srv.Shutdown and srv.Close, called on a managed server, drain it: they return
// when the drain is over.
func HTTP(srv *http.Server, options ...HTTPOptions) *HTTPServer {
	h := &HTTPServer{template: srv}
	if len(options) > 0 {
		h.options = options[0]
	}
	return h
}

// Name implements actors.Server.
func (h *HTTPServer) Name() string {
	switch {
	case h.options.Name != "":
		return h.options.Name
	case h.isTLS():
		return "https"
	}
	return "http"
}

func (h *HTTPServer) isTLS() bool {
	c := h.template.TLSConfig
	return h.options.CertFile != "" || h.options.KeyFile != "" ||
		(c != nil && (len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil))
}

// Configure implements actors.Configurer.
func (h *HTTPServer) Configure(limits actors.Limits) actors.Limits {
	limits.Settings = limits.Override(h.options.Settings)
	if h.options.MaxConns != 0 {
		limits.MaxConns = h.options.MaxConns
	}
	return limits
}

// Bind implements actors.Binder.
func (h *HTTPServer) Bind(ctx context.Context) (string, error) {
	if h.listener == nil && !h.managed.CompareAndSwap(false, true) {
		return "", errors.New("this HTTPServer is being served already: make one for each start")
	}
	addr, err := h.bind(ctx)
	if err != nil && h.listener == nil {
		h.managed.Store(false)
	}
	return addr, err
}

func (h *HTTPServer) bind(ctx context.Context) (string, error) {
	if h.h2 == nil {
		var err error
		if h.h2, err = newH2(h); err != nil {
			return "", err
		}
	}
	if h.isTLS() {
		config, err := serverTLS(h.template, h.options, h.h2.speaks)
		if err != nil {
			return "", err
		}
		h.tlsConfig = config
	}
	switch given := h.options.Listener; {
	case given == nil:
		addr := h.template.Addr
		if addr == "" {
			addr = map[bool]string{false: ":http", true: ":https"}[h.isTLS()]
		}
		ln, err := listen(ctx, addr)
		if err != nil {
			return "", err
		}
		h.listener = ln
	case h.listener != nil:
		return "", fmt.Errorf("the listener %s was given and is closed: it cannot be opened again; "+
			"let the server open it (http.Server.Addr), or register a new one", given.Addr())
	default:
		h.listener = newListener(given, false)
	}
	return h.listener.Addr().String(), nil
}

// Serve implements actors.Server.
func (h *HTTPServer) Serve(t conns.Tracker) error {
	h.group = t.Group()
	if h.inner == nil {
		h.inner = h.newInner()
		h.front = newFront(h.template, h.listener.Addr(), t)
	}
	h.accepting.Store(true)
	defer h.accepting.Store(false)
	err := h.inner.Serve(&acceptor{listener: h.listener, tracker: t, server: h})
	if errors.Is(err, errUnbound) || h.listener.leaving.Load() != 0 {
		return nil
	}
	return err
}

// Unbind implements actors.Server.
func (h *HTTPServer) Unbind(ctx context.Context) error {
	return ignoreClosed(h.listener.unbind(ctx, h.accepting.Load()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Release implements actors.Releaser: only when no connection is left may
// net/http be shut down, since it throws requests away that it has read.
func (h *HTTPServer) Release() {
	if h.inner != nil {
		_ = h.inner.Close()
		h.inner = nil
	}
	if h.front != nil {
		h.front.release()
		h.front = nil
	}
	h.listener, h.h2 = nil, nil
	h.managed.Store(false)
}

// newInner makes the server that serves: everything of the user's, with what
// Drain needs chained before it.
func (h *HTTPServer) newInner() *http.Server {
	s := h.template
	return &http.Server{
		Addr:                         s.Addr,
		Handler:                      &handler{server: h, next: s.Handler},
		DisableGeneralOptionsHandler: s.DisableGeneralOptionsHandler,
		TLSConfig:                    s.TLSConfig,
		ReadTimeout:                  s.ReadTimeout,
		ReadHeaderTimeout:            s.ReadHeaderTimeout,
		WriteTimeout:                 s.WriteTimeout,
		IdleTimeout:                  s.IdleTimeout,
		MaxHeaderBytes:               s.MaxHeaderBytes,
		TLSNextProto:                 map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ConnState:                    h.connState,
		ErrorLog:                     s.ErrorLog,
		BaseContext:                  h.baseContext,
		ConnContext:                  h.connContext,
		HTTP2:                        s.HTTP2,
	}
}

// baseContext is the user's, cancelled when the group is.
func (h *HTTPServer) baseContext(ln net.Listener) context.Context {
	base := context.Background()
	if f := h.template.BaseContext; f != nil {
		if base = f(ln); base == nil {
			panic("BaseContext returned a nil context")
		}
	}
	return h.group.Bind(base)
}

// tracked is the connection in what net/http hands around.
type tracked interface{ tracked() *conns.Conn }

func (h *HTTPServer) connContext(ctx context.Context, nc net.Conn) context.Context {
	c := nc.(tracked).tracked()
	ctx = context.WithValue(ctx, http.ServerContextKey, h.template)
	if f := h.template.ConnContext; f != nil {
		if ctx = f(ctx, c.NetConn()); ctx == nil {
			panic("ConnContext returned nil")
		}
	}
	ctx = c.Context(ctx)
	switch t := nc.(type) {
	case *tlsConn:
		t.ctx = ctx
	case *userTLSConn:
		t.ctx = ctx
	case *h2cConn:
		t.ctx = ctx
	}
	return ctx
}

func (h *HTTPServer) connState(nc net.Conn, state http.ConnState) {
	c := nc.(tracked).tracked()
	if state == http.StateIdle {
		c.Idle()
	}
	if f := h.template.ConnState; f != nil {
		f(c.NetConn(), state)
	}
}

func (h *HTTPServer) logf(format string, args ...any) {
	if l := h.template.ErrorLog; l != nil {
		l.Printf(format, args...)
	} else {
		log.Printf(format, args...)
	}
}

// acceptor makes tracked connections of what the listener accepts.
type acceptor struct {
	*listener
	tracker conns.Tracker
	server  *HTTPServer
}

func (a *acceptor) Accept() (net.Conn, error) {
	for {
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

// track makes the tracked connection, and what net/http is to see of it.
func (h *HTTPServer) track(g *conns.Group, nc net.Conn) (*conns.Conn, net.Conn) {
	if h.tlsConfig == nil {
		c := conns.New(g, nc)
		c.FollowHTTP1()
		if _, ok := nc.(interface{ ConnectionState() tls.ConnectionState }); ok {
			return c, &userTLSConn{Conn: c, server: h}
		}
		if h.h2.speaks.UnencryptedHTTP2() || !h.h2.speaks.HTTP1() {
			return c, &h2cConn{plainConn: plainConn{c}, h2: h.h2}
		}
		return c, plainConn{c}
	}
	records := conns.NewRecords(nc)
	layer := tls.Server(records, h.tlsConfig)
	c := conns.NewTLS(g, layer, records)
	c.FollowHTTP1()
	return c, &tlsConn{Conn: c, tls: layer, server: h}
}

// plainConn is a connection without TLS.
type plainConn struct{ *conns.Conn }

func (c plainConn) tracked() *conns.Conn { return c.Conn }

// ReadFrom implements io.ReaderFrom, which net/http looks for.
func (c plainConn) ReadFrom(r io.Reader) (int64, error) { return c.Sendfile(r) }

// front stands in for the user's server, so that Shutdown and Close called on it
// are heard: it "serves" a listener that accepts nothing.
type front struct {
	srv     *http.Server
	addr    net.Addr
	tracker conns.Tracker
	over    chan struct{}
	ended   chan struct{}
}

func newFront(srv *http.Server, addr net.Addr, t conns.Tracker) *front {
	f := &front{srv: srv, addr: addr, tracker: t, over: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		_ = srv.Serve(f)
	}()
	return f
}

// Accept implements net.Listener: it blocks until the drain is over.
func (f *front) Accept() (net.Conn, error) {
	<-f.over
	return nil, net.ErrClosed
}

// Close implements net.Listener: the user has called Shutdown or Close.
func (f *front) Close() error {
	select {
	case <-f.over:
	default:
		f.tracker.AskDrain("http.Server.Shutdown or Close was called on the managed server")
	}
	return nil
}

// Addr implements net.Listener.
func (f *front) Addr() net.Addr { return f.addr }

// release ends the stand-in and runs what RegisterOnShutdown registered.
func (f *front) release() {
	close(f.over)
	<-f.ended
	_ = f.srv.Shutdown(context.Background())
}
