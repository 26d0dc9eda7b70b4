// Package grpcserver manages gRPC servers. It is a package of its own so that
// those who have none need not link gRPC.
//
//	server := grpcserver.New(func(options ...grpc.ServerOption) *grpc.Server {
//		srv := grpc.NewServer(options...)
//		pb.RegisterGreeterServer(srv, &greeter{})
//		return srv
//	}, grpcserver.Options{Addr: ":9090"})
//	report, err := drain.Run(ctx, server)
//
// In a drain the listener is emptied and closed, then gRPC says GOAWAY in two steps
// (GracefulStop): calls and streams in progress finish, and those that cross it on
// the wire are served or refused, never ignored. Stream handlers watch
// drain.Draining(stream.Context()), or are cancelled at the deadline.
package grpcserver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/servers"
)

// Options say where and how to serve.
type Options struct {
	// Name in the Report, metrics and log. Default "grpc".
	Name string
	// Addr to listen on, "host:port".
	Addr string
	// Listener to serve on instead of Addr.
	Listener net.Listener
	// TLSConfig switches TLS on. With credentials given to the grpc.Server instead,
	// say so by OwnCredentials.
	TLSConfig *tls.Config
	// OwnCredentials says that the grpc.Server encrypts its connections itself, so
	// that nothing is known of what they carry: they drain as GracefulStop does it,
	// but count as busy until they end, a silent one for as long as
	// grpc.ConnectionTimeout.
	OwnCredentials bool
	// Settings, where they are not zero, take the place of the tree's.
	conns.Settings
	// MaxConns limits the open connections. 0 is the tree's limit.
	MaxConns int
}

// Server is a managed gRPC server.
type Server struct {
	build   func(...grpc.ServerOption) *grpc.Server
	options Options

	managed   atomic.Bool // between Bind and Release
	suspended atomic.Bool // it may be bound again
	acceptor  *servers.Acceptor
	place     conns.Tracker // under whose limit there is a place for the next connection
	group     *conns.Group
	srv       *grpc.Server
	peers     sync.Map // of connections that gRPC has not tagged yet: net.Addr to *conns.Conn

	untaken  atomic.Int64 // connections accepted whose serving goroutine has not begun
	draining atomic.Bool
	stopped  atomic.Bool
}

// New manages the servers that build makes: one for each start. build passes the
// options on to grpc.NewServer, behind those of its own, and registers the
// services; the options count the calls and name them in the Report.
func New(build func(...grpc.ServerOption) *grpc.Server, options Options) *Server {
	if options.Name == "" {
		options.Name = "grpc"
	}
	return &Server{build: build, options: options}
}

// Wrap manages a server that was made already. It can be started once, its calls
// are drained but not named, and drain.Draining does not know their contexts.
func Wrap(srv *grpc.Server, options Options) *Server {
	return New(func(...grpc.ServerOption) *grpc.Server { return srv }, options)
}

// Name implements actors.Server.
func (s *Server) Name() string { return s.options.Name }

// Configure implements actors.Configurer.
func (s *Server) Configure(limits actors.Limits) actors.Limits {
	limits.Settings = limits.Override(s.options.Settings)
	if s.options.MaxConns != 0 {
		limits.MaxConns = s.options.MaxConns
	}
	return limits
}

// Bind implements actors.Binder.
func (s *Server) Bind(ctx context.Context) (string, error) {
	resumed := s.suspended.CompareAndSwap(true, false)
	if !resumed && !s.managed.CompareAndSwap(false, true) {
		return "", errors.New("this Server is being served already: make one for each start")
	}
	addr, err := s.bind(ctx)
	if err != nil && !resumed {
		s.managed.Store(false)
	}
	return addr, err
}

// Managed reports whether a tree serves it, or is releasing it still.
func (s *Server) Managed() bool { return s.managed.Load() }

func (s *Server) bind(ctx context.Context) (string, error) {
	switch {
	case s.build == nil:
		return "", errors.New("there is no function that builds the grpc.Server")
	case s.options.TLSConfig != nil && s.options.OwnCredentials:
		return "", errors.New("TLSConfig and OwnCredentials: only one can encrypt the connections")
	}
	acceptor, err := s.listen(ctx)
	if err != nil {
		return "", err
	}
	s.acceptor = acceptor
	return acceptor.Addr().String(), nil
}

func (s *Server) listen(ctx context.Context) (*servers.Acceptor, error) {
	switch {
	case s.acceptor != nil: // it is resumed
		return s.acceptor.Again(ctx)
	case s.options.Listener != nil:
		return servers.Accept(s.options.Listener), nil
	}
	return servers.Listen(ctx, "tcp", s.options.Addr)
}

// Serve implements actors.Server.
func (s *Server) Serve(t conns.Tracker) error {
	if s.srv == nil {
		s.group = t.Group()
		s.srv = s.build(s.serverOptions()...)
	}
	acceptor := s.acceptor
	ln := &listener{addr: acceptor.Addr(), accepted: make(chan net.Conn), closed: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- s.srv.Serve(ln) }()
	err := acceptor.EachAfter(func() { s.admit(t) }, func(nc net.Conn) { s.accept(t, nc, ln) })
	_ = ln.Close()
	if served := <-ended; err == nil && !errors.Is(served, net.ErrClosed) {
		err = served
	}
	return err
}

func (s *Server) admit(t conns.Tracker) {
	if s.place != t { // it may have one from before it was suspended
		t.Admit()
		s.place = t
	}
}

func (s *Server) accept(t conns.Tracker, nc net.Conn, ln *listener) {
	s.place = nil
	c := s.track(t.Group(), nc)
	if t.Adopt(c.tracked) != nil {
		return
	}
	s.untaken.Add(1)
	c.start()
	select {
	case ln.accepted <- c:
	case <-ln.closed:
		_ = c.Close()
	}
}

// Unbind implements actors.Server. In a drain, gRPC's own begins when every
// connection is known to gRPC: it throws those away that it has not begun to serve.
func (s *Server) Unbind(ctx context.Context) error {
	err := s.acceptor.Unbind(ctx)
	if s.group != nil && s.group.IsDraining() {
		s.draining.Store(true)
		s.stopIfTaken()
	} else {
		s.suspended.Store(true)
	}
	return err
}

func (s *Server) stopIfTaken() {
	if s.draining.Load() && s.untaken.Load() == 0 && s.stopped.CompareAndSwap(false, true) {
		go s.srv.GracefulStop()
	}
}

// taken is called when gRPC has begun to serve a connection.
func (s *Server) taken() {
	if s.untaken.Add(-1) == 0 {
		s.stopIfTaken()
	}
}

// Release implements actors.Releaser.
func (s *Server) Release() {
	if s.srv != nil {
		s.srv.Stop()
	}
	s.srv, s.group, s.place = nil, nil, nil
	s.draining.Store(false)
	s.stopped.Store(false)
	s.suspended.Store(false)
	s.managed.Store(false)
}

// listener is what gRPC accepts from: connections that are in the tree.
type listener struct {
	addr     net.Addr
	accepted chan net.Conn
	closed   chan struct{}
	closing  atomic.Bool
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	if l.closing.CompareAndSwap(false, true) {
		close(l.closed)
	}
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.addr }
