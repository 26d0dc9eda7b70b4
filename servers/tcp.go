package servers

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"sync/atomic"
	"time"

	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/internal/lease"
)

// Conn is a connection of a TCPServer, as its handler has it.
type Conn = conns.RawConn

// TCPHandler serves one connection of a TCPServer until it returns.
type TCPHandler = conns.RawHandler

// TCPOptions are what an address and a handler do not say.
type TCPOptions struct {
	// Name in the Report, metrics and log. Default "tcp".
	Name string
	// Listener to serve on instead of the address: a Unix socket, socket
	// activation. Its accept queue is emptied as well as can be; new connections
	// are not kept out meanwhile, since it may be shared. Who is to be started again
	// needs a new one: a drain closes it.
	Listener net.Listener
	// TLSConfig switches TLS on. It needs a certificate.
	TLSConfig *tls.Config
	// HandshakeTimeout bounds a TLS handshake. Default 10 s; negative: none.
	HandshakeTimeout time.Duration
	// Goodbye, if not nil, writes what a connection says before it leaves. It is
	// called when a connection is ended by a drain, not when its handler returns.
	Goodbye func(w io.Writer)
	// ErrorLog is told of handlers that panic and of failed handshakes. Default
	// the log package's standard logger.
	ErrorLog *log.Logger
	// Settings, where they are not zero, take the place of the tree's.
	conns.Settings
	// MaxConns limits the open connections; at the limit the server stops
	// accepting, the kernel's queue holds the rest. 0 is the tree's limit.
	MaxConns int
}

// TCPServer is a managed server of a protocol of yours; see TCP.
type TCPServer struct {
	addr     string
	handler  TCPHandler
	options  TCPOptions
	lease    lease.Lease              // between Bind and Release
	acceptor atomic.Pointer[Acceptor] // of the last Bind
}

// TCP serves connections to addr ("host:port") with handler, in a goroutine for
// each of them.
func TCP(addr string, handler TCPHandler, options ...TCPOptions) *TCPServer {
	s := &TCPServer{addr: addr, handler: handler}
	if len(options) > 0 {
		s.options = options[0]
	}
	if s.options.Name == "" {
		s.options.Name = "tcp"
	}
	if s.options.HandshakeTimeout == 0 {
		s.options.HandshakeTimeout = 10 * time.Second
	}
	return s
}

// Name implements actors.Server.
func (s *TCPServer) Name() string { return s.options.Name }

// Configure implements actors.Configurer.
func (s *TCPServer) Configure(limits actors.Limits) actors.Limits {
	limits.Settings = limits.Override(s.options.Settings)
	if s.options.MaxConns != 0 {
		limits.MaxConns = s.options.MaxConns
	}
	return limits
}

// Bind implements actors.Binder.
func (s *TCPServer) Bind(ctx context.Context) (string, error) {
	switch {
	case s.handler == nil:
		return "", errors.New("there is no handler: nothing would be served")
	case s.addr == "" && s.options.Listener == nil: // net.Listen would take any port of every interface
		return "", errors.New(`there is no address: say "host:port", ":0" for any port`)
	case s.options.TLSConfig != nil && !hasCertificate(s.options.TLSConfig):
		return "", errors.New("TLSConfig has no certificate: every handshake would fail")
	case !s.lease.Take():
		return "", errors.New("this TCPServer is being served already: make one for each start")
	}
	addr, err := s.bound(s.listen(ctx))
	if err != nil {
		s.lease.End()
	}
	return addr, err
}

// CanSuspend implements actors.Suspender.
func (s *TCPServer) CanSuspend() error { return s.acceptor.Load().Reopenable() }

// Rebind implements actors.Rebinder.
func (s *TCPServer) Rebind(ctx context.Context) (string, error) {
	return s.bound(s.acceptor.Load().Again(ctx))
}

func (s *TCPServer) bound(acceptor *Acceptor, err error) (string, error) {
	if err != nil {
		return "", err
	}
	s.acceptor.Store(acceptor)
	return acceptor.Addr().String(), nil
}

func (s *TCPServer) listen(ctx context.Context) (*Acceptor, error) {
	if s.options.Listener == nil {
		return Listen(ctx, "tcp", s.addr)
	}
	if a := s.acceptor.Load(); a != nil { // it is started again
		return a.Again(ctx)
	}
	ln, err := given(s.options.Listener)
	if err != nil {
		return nil, err
	}
	return newAcceptor(ln), nil
}

// Serve implements actors.Server.
func (s *TCPServer) Serve(t conns.Tracker) error {
	s.lease.Ends(t.Group().IsDraining)
	return s.acceptor.Load().EachAfter(t.Admit, func(nc net.Conn) {
		c := s.track(t.Group(), nc)
		if t.Adopt(c) == nil {
			go s.serve(c)
		}
	})
}

func (s *TCPServer) track(g *conns.Group, nc net.Conn) *conns.Conn {
	var c *conns.Conn
	if config := s.options.TLSConfig; config != nil {
		records := conns.NewRecords(nc)
		c = conns.NewTLS(g, tls.Server(records, config), records)
	} else {
		c = conns.New(g, nc)
	}
	c.FollowReads()
	c.OnLeave(s.options.Goodbye)
	return c
}

func (s *TCPServer) serve(c *conns.Conn) {
	if err := s.handshake(c); err != nil {
		if !c.Group().IsDraining() {
			s.logf("drain: %s: TLS handshake error from %s: %v", s.Name(), c.RemoteAddr(), err)
		}
		c.Abandon()
		_ = c.Close()
		return
	}
	var panicked *conns.PanicError
	if err := c.Serve(s.handler); errors.As(err, &panicked) {
		s.logf("drain: %s: panic serving %s: %v\n%s", s.Name(), c.RemoteAddr(), panicked.Value, panicked.Stack)
	}
}

// handshake does the TLS handshake, if there is TLS, before the handler starts.
func (s *TCPServer) handshake(c *conns.Conn) error {
	layer, ok := c.NetConn().(*tls.Conn)
	if !ok || s.options.TLSConfig == nil {
		return nil
	}
	if d := s.options.HandshakeTimeout; d > 0 {
		_ = c.SetDeadline(time.Now().Add(d))
	}
	if err := layer.Handshake(); err != nil {
		return err
	}
	_ = c.SetDeadline(time.Time{})
	c.Handshaken()
	return nil
}

func (s *TCPServer) logf(format string, args ...any) {
	if l := s.options.ErrorLog; l != nil {
		l.Printf(format, args...)
		return
	}
	log.Printf(format, args...)
}

// Unbind implements actors.Server.
func (s *TCPServer) Unbind(ctx context.Context) error { return s.acceptor.Load().Unbind(ctx) }

// Release implements actors.Releaser.
func (s *TCPServer) Release() { s.lease.End() }

// Managed reports whether a tree serves it, or is releasing it still.
func (s *TCPServer) Managed() bool { return s.lease.Held() }
