package servers

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"

	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/internal/lease"
)

// HTTPOptions are what an *http.Server does not say.
type HTTPOptions struct {
	// Name in the Report, metrics and log. Default "http" or "https".
	Name string
	// Listener to serve on instead of srv.Addr. Its accept queue is emptied as well
	// as can be; new connections are not kept out meanwhile, since it may be shared.
	// Who is to be started again needs a new one: a drain closes it. One that does TLS
	// itself, as tls.Listen's, may be given with the same TLSConfig in the http.Server.
	Listener net.Listener
	// ReusePort opens the port so that the next process can open it too, before this
	// one drains (SO_REUSEPORT; Linux, macOS). Each has a socket of its own: what
	// comes while this one closes is kept out of it and goes to the other one.
	ReusePort bool
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
	user     *http.Server                    // whose Shutdown and Close are heard
	template *http.Server                    // a copy of its configuration, as it was at the start
	wrap     func(http.Handler) http.Handler // stands before the user's handler, if not nil
	lease    lease.Lease                     // between Bind and Release

	h2        *h2         // which protocols are spoken besides HTTP/1, and how
	tlsConfig *tls.Config // nil without TLS
	listener  *listener
	inner     *http.Server // the one that serves; a new one for each start
	base      base
	front     *front
}

// HTTP manages srv: HTTP/1.1 and HTTP/2, over TLS if srv.TLSConfig has a
// certificate (Certificates, GetCertificate or GetConfigForClient) or the options name
// its files, and in clear otherwise. srv does not serve itself: a server of the same
// configuration does, so that srv can be started again after a drain, as soon as Managed
// says false. srv is not changed, but for what its own Serve sets up for HTTP/2 (TLSNextProto,
// TLSConfig), in a goroutine of its own as ever: do not read these while it is served.
// What srv calls (Handler, ConnState, ConnContext, BaseContext, ErrorLog) is called as
// net/http would, but BaseContext twice, the first time with a listener that accepts
// nothing, before anything is served; and functions registered by RegisterOnShutdown run
// when the last connection has ended: what must act when the drain begins watches
// drain.Draining.
//
// srv.Shutdown and srv.Close, called on a managed server, drain it, as soon as it is
// bound: they return when the drain is over, whatever the context of Shutdown says. Once
// it has been drained and is started again they are not heard any more, since net/http
// takes srv for shut down: ask the tree.
func HTTP(srv *http.Server, options ...HTTPOptions) *HTTPServer {
	h := &HTTPServer{user: srv, template: srv}
	if srv == nil { // Bind says so
		h.template = &http.Server{}
	}
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
		(c != nil && hasCertificate(c))
}

// Managed reports whether a tree serves it, or is releasing it still.
func (h *HTTPServer) Managed() bool { return h.lease.Held() }

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
	if h.user == nil {
		return "", errors.New("there is no http.Server: nothing would be served")
	}
	if !h.lease.Take() {
		return "", errors.New("this HTTPServer is being served already: make one for each start")
	}
	addr, err := h.bind(ctx)
	if err != nil {
		if h.front != nil {
			h.front.release(h, false)
			h.front = nil
		}
		h.lease.End()
	}
	return addr, err
}

// contradicted says what was asked for that cannot be.
func (h *HTTPServer) contradicted() error {
	c := h.template.TLSConfig
	switch {
	case h.options.Listener == nil && !h.isTLS() && c != nil && (c.ClientAuth != tls.NoClientCert || c.ClientCAs != nil):
		return errors.New("TLSConfig asks for certificates of clients, and has none of its own: everything would be served in clear")
	case h.options.Listener != nil && h.options.ReusePort:
		return errors.New("a Listener is given, and ReusePort is set: who opens the listener must set that (SO_REUSEPORT)")
	}
	return nil
}

// CanSuspend implements actors.Suspender.
func (h *HTTPServer) CanSuspend() error { return h.listener.reopenable() }

// Rebind implements actors.Rebinder.
func (h *HTTPServer) Rebind(ctx context.Context) (string, error) { return h.bind(ctx) }

func (h *HTTPServer) bind(ctx context.Context) (string, error) {
	if h.front == nil {
		f, err := frontOf(h.user)
		if err != nil {
			return "", err
		}
		h.front, h.template = f, copyOf(f.template)
		if h.wrap != nil {
			h.template.Handler = h.wrap(h.template.Handler)
		}
		if err := h.contradicted(); err != nil {
			return "", err
		}
	}
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
	ln, err := h.listen(ctx)
	if err != nil {
		return "", err
	}
	h.listener = ln
	h.front.start(ln.Addr())
	return ln.Addr().String(), nil
}

func (h *HTTPServer) listen(ctx context.Context) (*listener, error) {
	switch {
	case h.listener != nil: // it is resumed, or started again
		return h.listener.again(ctx)
	case h.options.Listener != nil:
		return given(h.options.Listener)
	}
	addr := h.template.Addr
	if addr == "" {
		addr = map[bool]string{false: ":http", true: ":https"}[h.isTLS()]
	}
	return listen(ctx, address{"tcp", addr, h.options.ReusePort})
}

// Serve implements actors.Server.
func (h *HTTPServer) Serve(t conns.Tracker) error {
	if h.inner == nil {
		h.inner = h.newInner()
		h.front.attend(h, t)
		h.lease.Ends(t.Group().IsDraining)
	}
	err := h.inner.Serve(&acceptor{listener: h.listener, tracker: t, server: h})
	if errors.Is(err, errUnbound) || h.listener.leaving.Load() != 0 {
		return nil
	}
	return err
}

// Unbind implements actors.Server.
func (h *HTTPServer) Unbind(ctx context.Context) error {
	return ignoreClosed(h.listener.unbind(ctx))
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
	served := h.inner != nil
	if served {
		_ = h.inner.Close()
		h.inner = nil
	}
	if h.front != nil {
		h.front.release(h, served)
		h.front = nil
	}
	if h.options.Listener == nil { // else it is closed for good
		h.listener = nil
	}
	h.h2, h.base = nil, base{}
	h.lease.End()
}

func (h *HTTPServer) logf(format string, args ...any) {
	if l := h.user.ErrorLog; l != nil {
		l.Printf(format, args...)
	} else {
		log.Printf(format, args...)
	}
}
