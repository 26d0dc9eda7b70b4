package grpcserver

import (
	"net"
	"sync/atomic"
)

// listener is what gRPC accepts from: connections that are in the tree.
type listener struct {
	addr     net.Addr
	accepted chan net.Conn
	stopped  func() // gRPC has been stopped, by nobody of ours

	ended  atomic.Bool
	ours   bool          // it was us who ended it
	closed chan struct{} // closed after that
}

func newListener(addr net.Addr, stopped func()) *listener {
	return &listener{addr: addr, stopped: stopped, accepted: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept implements net.Listener. A gRPC server that was stopped before it is served
// closes its listener as well, but does not get here.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		if !l.ours {
			l.stopped()
		}
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. gRPC calls it when it is stopped.
func (l *listener) Close() error {
	l.close(false)
	return nil
}

// end has gRPC accept no more.
func (l *listener) end() { l.close(true) }

func (l *listener) close(ours bool) {
	if l.ended.CompareAndSwap(false, true) {
		l.ours = ours
		close(l.closed)
	}
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.addr }
