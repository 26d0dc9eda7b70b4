// Package fasthttp adapts a fasthttp.Server, which knows neither net/http nor Drain.
// It proves that a foreign server fits, and is an example of how to adapt one.
package fasthttp

import (
	"context"
	"net"

	"github.com/valyala/fasthttp"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/servers"
)

// Server is a managed fasthttp.Server; see New.
type Server struct {
	addr     string
	template *fasthttp.Server
	srv      *fasthttp.Server
	acceptor *servers.Acceptor
}

// New manages a server of HTTP/1.1 on addr. srv is not changed: a server of the
// same handler serves, with what Drain needs around it.
func New(addr string, srv *fasthttp.Server) *Server { return &Server{addr: addr, template: srv} }

// Name implements actors.Server.
func (s *Server) Name() string { return "fasthttp" }

// Bind implements actors.Binder.
func (s *Server) Bind(ctx context.Context) (string, error) {
	a, err := servers.Listen(ctx, "tcp", s.addr)
	if err != nil {
		return "", err
	}
	s.acceptor = a
	s.srv = &fasthttp.Server{
		Handler:               s.handle,
		Name:                  s.template.Name,
		ReadTimeout:           s.template.ReadTimeout,
		WriteTimeout:          s.template.WriteTimeout,
		IdleTimeout:           s.template.IdleTimeout,
		MaxRequestBodySize:    s.template.MaxRequestBodySize,
		Concurrency:           s.template.Concurrency,
		Logger:                s.template.Logger,
		NoDefaultServerHeader: s.template.NoDefaultServerHeader,
		ConnState: func(nc net.Conn, state fasthttp.ConnState) {
			if state == fasthttp.StateIdle {
				nc.(*conns.Conn).Idle() // the last byte of the answer is written
			}
		},
	}
	return a.Addr().String(), nil
}

// Serve implements actors.Server.
func (s *Server) Serve(t conns.Tracker) error {
	return s.acceptor.EachAfter(t.Admit, func(nc net.Conn) {
		c := conns.New(t.Group(), nc)
		c.FollowHTTP1() // it leaves as HTTP/1.1 does, with a 408
		if t.Adopt(c) == nil {
			go func() { _ = s.srv.ServeConn(c) }() // which closes c
		}
	})
}

// Unbind implements actors.Server.
func (s *Server) Unbind(ctx context.Context) error { return s.acceptor.Unbind(ctx) }

// handle marks where the work on a request begins and ends, and tells the client
// in a drain that it is the last one.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	c := ctx.Conn().(*conns.Conn)
	c.Begin(&conns.Unit{Method: string(ctx.Method()), Path: string(ctx.Path())})
	completed := false
	defer func() { c.Return(completed) }()
	s.template.Handler(ctx)
	if c.Group().IsDraining() && c.MayAnnounceClose(int64(len(ctx.Request.Body()))) {
		ctx.SetConnectionClose()
	}
	completed = true
}
