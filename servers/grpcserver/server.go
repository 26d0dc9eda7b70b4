// Package grpcserver manages gRPC servers. It is a separate package so that programs
// without gRPC need not link it.
//
//	server := grpcserver.New(func(options ...grpc.ServerOption) *grpc.Server {
//		srv := grpc.NewServer(options...)
//		pb.RegisterGreeterServer(srv, &greeter{})
//		return srv
//	}, grpcserver.Options{Addr: ":9090"})
//	report, err := drain.Run(ctx, server)
//
// In a drain the listener is emptied and closed. Then gRPC sends GOAWAY in two steps
// (GracefulStop): calls and streams in progress finish, and those that cross the
// GOAWAY on the wire are served or refused, never ignored. Stream handlers watch
// drain.Draining(stream.Context()), or are cancelled at the deadline.
package grpcserver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/internal/lease"
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
	// TLSConfig switches TLS on. It takes the place of credentials (grpc.Creds) that
	// were given to the grpc.Server before the options that New hands on; what these
	// demand of clients it must demand itself. Credentials in force beside it fail the
	// server at its first connection.
	TLSConfig *tls.Config
	// OwnCredentials says that the grpc.Server encrypts its connections itself, by
	// credentials that it was given (grpc.Creds), so that nothing is known of what
	// they carry. Where that is forgotten the credentials stay in force, and the
	// server fails at its first connection, with an error that asks for this.
	//
	// Such connections drain as GracefulStop does it, and count as busy from the end
	// of their handshakes to their own. An idle client that does not answer the PING
	// of that, because it is asleep or gone, holds the drain up for gRPC's 5 s: with a
	// Timeout not longer than that it is killed. Without OwnCredentials it is waited
	// for IdleGrace, and lingered for.
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

	lease    lease.Lease                      // between Bind and Release
	acceptor atomic.Pointer[servers.Acceptor] // of the last Bind or Rebind
	service  atomic.Pointer[service]          // between the first Serve and Release
}

// New manages the servers that build makes: one for each start. build passes the
// options on to grpc.NewServer, behind those of its own, and registers the
// services; the options count the calls and name them in the Report.
//
// GracefulStop and Stop, called on the grpc.Server while it is managed, drain it: what
// is accepted after that is closed at once, since gRPC does not serve it any more. Stop
// cuts the calls in progress, which count as lost.
func New(build func(...grpc.ServerOption) *grpc.Server, options Options) *Server {
	if options.Name == "" {
		options.Name = "grpc"
	}
	return &Server{build: build, options: options}
}

// Wrap manages a server that was made already. It can be started once, its calls
// are drained but not named, and drain.Draining does not know their contexts. With
// TLSConfig its handlers do not find the client's certificate (peer.AuthInfo).
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

// Managed reports whether a tree serves it, or is releasing it still.
func (s *Server) Managed() bool { return s.lease.Held() }

// Bind implements actors.Binder.
func (s *Server) Bind(ctx context.Context) (string, error) {
	switch {
	case s.build == nil:
		return "", errors.New("there is no function that builds the grpc.Server")
	case s.options.TLSConfig != nil && s.options.OwnCredentials:
		return "", errors.New("TLSConfig and OwnCredentials: only one can encrypt the connections")
	case s.options.Addr == "" && s.options.Listener == nil: // net.Listen would take any port of every interface
		return "", errors.New(`there is no address: say "host:port", ":0" for any port`)
	case s.options.TLSConfig != nil && !hasCertificate(s.options.TLSConfig):
		return "", errors.New("TLSConfig has no certificate: every handshake would fail")
	case !s.lease.Take():
		return "", errors.New("this Server is being served already: make one for each start")
	}
	addr, err := s.bound(s.listen(ctx))
	if err != nil {
		s.lease.End()
	}
	return addr, err
}

func hasCertificate(c *tls.Config) bool {
	return len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil
}

func (s *Server) listen(ctx context.Context) (*servers.Acceptor, error) {
	switch last := s.acceptor.Load(); {
	case s.options.Listener == nil:
		return servers.Listen(ctx, "tcp", s.options.Addr)
	case last != nil:
		return last.Again(ctx) // it was given, and says so
	}
	return servers.Accept(s.options.Listener), nil
}

// CanSuspend implements actors.Suspender.
func (s *Server) CanSuspend() error { return s.acceptor.Load().Reopenable() }

// Rebind implements actors.Rebinder.
func (s *Server) Rebind(ctx context.Context) (string, error) {
	return s.bound(s.acceptor.Load().Again(ctx))
}

func (s *Server) bound(acceptor *servers.Acceptor, err error) (string, error) {
	if err != nil {
		return "", err
	}
	s.acceptor.Store(acceptor)
	return acceptor.Addr().String(), nil
}

// Serve implements actors.Server. A server that is drained or killed while it is built
// is served nevertheless: it has what was accepted.
func (s *Server) Serve(t conns.Tracker) error {
	s.lease.Ends(t.Group().IsDraining)
	run := s.service.Load()
	if run == nil {
		var err error
		if run, err = newService(s.build, &s.options, t.Group()); err != nil {
			return err
		}
		s.service.Store(run)
	}
	return run.serve(s.acceptor.Load(), t)
}

// Unbind implements actors.Server.
func (s *Server) Unbind(ctx context.Context) error { return s.acceptor.Load().Unbind(ctx) }

// Drain implements actors.Drainer. It returns at once: Release, which ends what does not
// end by itself, waits for it.
func (s *Server) Drain() {
	if run := s.service.Load(); run != nil && run.group.IsDraining() {
		run.drain()
	}
}

// Release implements actors.Releaser.
func (s *Server) Release() {
	if run := s.service.Swap(nil); run != nil {
		run.srv.Stop()
	}
	s.lease.End()
}
