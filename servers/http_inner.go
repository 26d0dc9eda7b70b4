package servers

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"net/http"

	"github.com/godrain/drain/conns"
)

// This file is the http.Server that serves in the place of the user's.

// newInner makes the server that serves: everything of the user's, with what
// Drain needs chained before it.
func (h *HTTPServer) newInner() *http.Server {
	inner := copyOf(h.template)
	inner.Handler = &handler{server: h, next: h.template.Handler}
	inner.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	inner.ConnState = connState(h.template.ConnState)
	inner.ConnContext = h.connContext
	if f := h.template.BaseContext; f != nil {
		inner.BaseContext = func(net.Listener) context.Context { return f(h.listener.Listener) }
	}
	inner.Protocols = nil // HTTP/2 does not come this way
	return inner
}

// copyOf copies what a user can set on an http.Server: its methods may change it
// while it serves.
func copyOf(s *http.Server) *http.Server {
	return &http.Server{
		Addr:                         s.Addr,
		Handler:                      s.Handler,
		DisableGeneralOptionsHandler: s.DisableGeneralOptionsHandler,
		TLSConfig:                    s.TLSConfig.Clone(),
		ReadTimeout:                  s.ReadTimeout,
		ReadHeaderTimeout:            s.ReadHeaderTimeout,
		WriteTimeout:                 s.WriteTimeout,
		IdleTimeout:                  s.IdleTimeout,
		MaxHeaderBytes:               s.MaxHeaderBytes,
		TLSNextProto:                 maps.Clone(s.TLSNextProto),
		ConnState:                    s.ConnState,
		ErrorLog:                     s.ErrorLog,
		BaseContext:                  s.BaseContext,
		ConnContext:                  s.ConnContext,
		HTTP2:                        s.HTTP2,
		Protocols:                    s.Protocols,
	}
}

// connState makes the hook of the inner server. net/http may call it once more
// after the connection's end has been told, so it holds on to nothing of h.
func connState(user func(net.Conn, http.ConnState)) func(net.Conn, http.ConnState) {
	return func(nc net.Conn, state http.ConnState) {
		if state != http.StateIdle && user == nil {
			return
		}
		c := nc.(tracked).tracked()
		if state == http.StateIdle {
			c.Idle()
		}
		if user != nil {
			user(c.NetConn(), state)
		}
	}
}

// tracked is the connection in what net/http hands around.
type tracked interface{ tracked() *conns.Conn }

// connContext is called by the acceptor, with the same ctx for each connection.
func (h *HTTPServer) connContext(ctx context.Context, nc net.Conn) context.Context {
	c := nc.(tracked).tracked()
	if h.base.inner != ctx {
		user := context.WithValue(ctx, http.ServerContextKey, h.user)
		h.base = base{ctx, &user}
	}
	under := h.base.user
	if f := h.template.ConnContext; f != nil {
		own := f(*under, c.NetConn())
		if own == nil {
			panic("ConnContext returned nil")
		}
		under = &own
	}
	ctx = c.Carry(under)
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

// base is the context of all connections: net/http's, and the same with the user's
// server in it. It is the acceptor's.
type base struct {
	inner context.Context
	user  *context.Context
}
