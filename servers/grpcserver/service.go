package grpcserver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/servers"
)

// service is gRPC's half of a Server, from its first Serve to Release: a grpc.Server
// serves once.
type service struct {
	options *Options
	group   *conns.Group
	srv     *grpc.Server
	peers   sync.Map // of connections that gRPC has not tagged yet: net.Addr to *conns.Conn

	untaken  atomic.Int64 // connections accepted whose serving goroutine has not begun
	draining atomic.Bool
	stopped  atomic.Bool

	acceptor atomic.Pointer[servers.Acceptor] // that it is served by
	failure  atomic.Pointer[error]            // why it cannot be served
}

// What stands in the way of being served.
var (
	errNoServer = errors.New("the function that builds the grpc.Server returned nil")
	errStopped  = errors.New("the grpc.Server has been stopped before: " +
		"it serves once, let New build another for each start")
	errOwn = errors.New("the grpc.Server has credentials of its own (grpc.Creds): " +
		"say so by Options.OwnCredentials, or give their *tls.Config to Options.TLSConfig instead")
	errBoth = errors.New("the grpc.Server has credentials of its own (grpc.Creds) beside Options.TLSConfig: " +
		"only one can encrypt the connections; with Options.OwnCredentials instead, that is gRPC")
)

func newService(build func(...grpc.ServerOption) *grpc.Server, o *Options, g *conns.Group) (*service, error) {
	s := &service{options: o, group: g}
	if s.srv = build(s.serverOptions()...); s.srv == nil {
		return nil, errNoServer
	}
	return s, nil
}

// serverOptions are what a grpc.Server needs for its calls to be counted, named and
// told of a drain. Credentials are among them only if it is us who encrypt: they would
// take the place of the user's.
func (s *service) serverOptions() []grpc.ServerOption {
	options := []grpc.ServerOption{grpc.StatsHandler(calls{s})}
	if s.options.TLSConfig != nil {
		options = append(options, s.credentials())
	}
	return options
}

func (s *service) serve(a *servers.Acceptor, t conns.Tracker) error {
	s.acceptor.Store(a)
	if why := s.failure.Load(); why != nil { // while it was suspended
		return *why
	}
	ln := newListener(a.Addr(), func() {
		t.AskDrain("grpc.Server.GracefulStop or Stop was called on the managed server")
	})
	go func() { // until gRPC is stopped, if it is while it serves
		if errors.Is(s.srv.Serve(ln), grpc.ErrServerStopped) {
			s.fail(errStopped)
		}
	}()
	err := a.EachAfter(t.Admit, func(nc net.Conn) { s.accept(t, nc, ln) })
	ln.end()
	if why := s.failure.Load(); why != nil {
		return *why
	}
	return err
}

// fail ends serve: the listener is closed at once.
func (s *service) fail(why error) {
	if !s.failure.CompareAndSwap(nil, &why) {
		return
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.acceptor.Load().Unbind(over)
}

func (s *service) accept(t conns.Tracker, nc net.Conn, ln *listener) {
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

func (s *service) track(g *conns.Group, nc net.Conn) *conn {
	c := &conn{service: s}
	if config := s.options.TLSConfig; config != nil {
		config = config.Clone()
		config.NextProtos = []string{"h2"}
		records := conns.NewRecords(nc)
		c.tracked = conns.NewTLS(g, tls.Server(records, config), records)
	} else {
		c.tracked = conns.New(g, nc)
	}
	if s.options.OwnCredentials {
		c.tracked.FollowReads()
		c.tracked.SetProtocol("gRPC")
	}
	return c
}

// drain begins gRPC's own drain when every connection is known to gRPC: it throws
// those away that it has not begun to serve.
func (s *service) drain() {
	s.draining.Store(true)
	s.stopIfTaken()
}

func (s *service) stopIfTaken() {
	if s.draining.Load() && s.untaken.Load() == 0 && s.stopped.CompareAndSwap(false, true) {
		go s.srv.GracefulStop()
	}
}

// taken is called when gRPC has begun to serve a connection.
func (s *service) taken() {
	if s.untaken.Add(-1) == 0 {
		s.stopIfTaken()
	}
}
