//go:build unix

// Package testserver holds the servers that draincheck's own tests stop: one that loses nothing, and those that lose
// in one particular way each, so that it can be seen whether that way is found and named.
package testserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Mode is a way to stop.
type Mode string

const (
	// Clean loses nothing: it announces the close, lets connections fall quiet, and says a farewell.
	Clean Mode = "clean"
	// CloseIdle closes idle connections at once and without looking, as many a server does.
	CloseIdle Mode = "close-idle"
	// CutAfterHeader ends every response after its header.
	CutAfterHeader Mode = "cut-after-header"
	// ResetAll resets every connection.
	ResetAll Mode = "reset-all"
	// Mute reads on and answers nothing.
	Mute Mode = "mute"
	// Unavailable answers 503 to everything, and then closes.
	Unavailable Mode = "unavailable"
	// Ignore takes no notice.
	Ignore Mode = "ignore"
	// Hang closes the listener, and waits for ever.
	Hang Mode = "hang"
	// ExitAtOnce exits at once.
	ExitAtOnce Mode = "exit-at-once"
)

// grace is how long a connection must have been quiet before Clean ends it.
const grace = 150 * time.Millisecond

// Server is one server. Serve returns when it would exit.
type Server struct {
	Mode     Mode
	TLS      *tls.Config
	Rude     bool // never reads what it needn't, so that an early answer is cut at any time
	stopping context.Context
	conns    sync.WaitGroup
	executed atomic.Int64
}

// Executed is how many requests it has executed, answered or not.
func (s *Server) Executed() int64 { return s.executed.Load() }

// Serve serves until stop ends, stops in its mode's way, and returns.
func (s *Server) Serve(l *net.TCPListener, stop context.Context) {
	s.stopping = stop
	all, closeAll := context.WithCancel(context.Background())
	defer closeAll()
	accepting := make(chan struct{})
	go func() {
		defer close(accepting)
		s.accept(l, all)
	}()
	<-stop.Done()
	switch s.Mode {
	case Ignore:
		select {}
	case ExitAtOnce, ResetAll:
		l.Close()
		closeAll()
	case Clean:
		refuseSYNs(l)
		l.SetDeadline(time.Now().Add(quiet))
		<-accepting
		l.Close()
	default:
		l.Close()
	}
	<-accepting
	if s.Mode == Hang {
		select {}
	}
	s.conns.Wait()
}

// quiet is how long nobody must have come before Clean closes its listener.
const quiet = 100 * time.Millisecond

// Listen listens without MPTCP, on whose sockets no filter can be set.
func Listen(addr string) (*net.TCPListener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

func (s *Server) accept(l *net.TCPListener, all context.Context) {
	for {
		tcp, err := l.AcceptTCP()
		if err != nil {
			return
		}
		if s.isStopping() {
			l.SetDeadline(time.Now().Add(quiet))
		}
		c := &conn{Server: s, tcp: tcp, stream: tcp, all: all}
		if s.TLS != nil {
			c.stream = tls.Server(tcp, s.TLS)
		}
		c.in = bufio.NewReader(c.stream)
		s.conns.Go(c.serve)
	}
}

func (s *Server) isStopping() bool { return s.stopping.Err() != nil }

// conn is one connection.
type conn struct {
	*Server
	tcp    *net.TCPConn
	stream net.Conn
	in     *bufio.Reader
	all    context.Context
}

func (c *conn) serve() {
	defer c.tcp.Close()
	defer context.AfterFunc(c.all, c.end)()
	defer context.AfterFunc(c.stopping, c.hurry)()
	for {
		_, err := c.in.Peek(1)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if c.Mode == Clean {
				c.farewell()
			}
			return
		}
		if err != nil {
			return
		}
		if c.Mode == Clean {
			c.tcp.SetReadDeadline(time.Time{})
			if c.isStopping() { // the rest of a header may not take for ever
				c.hurry()
			}
		}
		req, err := http.ReadRequest(c.in)
		if err != nil {
			return
		}
		if !c.answer(req) {
			if !c.Rude && (c.Mode == Clean || !c.isStopping()) {
				c.linger()
			}
			return
		}
	}
}

// hurry is what the stop does to a connection that waits for a request.
func (c *conn) hurry() {
	switch c.Mode {
	case Clean:
		c.tcp.SetReadDeadline(time.Now().Add(grace))
	case CloseIdle:
		c.tcp.SetReadDeadline(time.Unix(1, 0))
	case Unavailable, CutAfterHeader:
		c.tcp.SetReadDeadline(time.Now().Add(10 * grace)) // these have something to do to the next request
	}
}

// end is how ResetAll and ExitAtOnce end their connections.
func (c *conn) end() {
	if c.Mode == ResetAll {
		c.tcp.SetLinger(0)
	}
	c.tcp.Close()
}

// farewell tells a client whose request is on its way that it was not processed.
func (c *conn) farewell() {
	io.WriteString(c.stream, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	c.linger()
}

// linger half-closes and reads until the client has closed, so that no reset destroys what was sent.
func (c *conn) linger() {
	if half, ok := c.stream.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	patience := time.Minute
	if c.isStopping() { // some clients wait for the end as well
		patience = time.Second
	}
	c.tcp.SetReadDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, c.tcp)
}
