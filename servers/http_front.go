package servers

import (
	"context"
	"net"
	"net/http"
	"reflect"
	"sync/atomic"

	"github.com/godrain/drain/conns"
)

// servesAlready looks at what net/http keeps to itself: the listeners of a server
// that is being served. Where that has another name one day, nothing is found.
func servesAlready(srv *http.Server) bool {
	listeners := reflect.ValueOf(srv).Elem().FieldByName("listeners")
	return listeners.Kind() == reflect.Map && listeners.Len() > 0
}

// front stands in for the user's server, so that Shutdown and Close called on it
// are heard: it "serves" a listener that accepts nothing. A server that was shut
// down before, and is started again, does not even accept on it.
type front struct {
	srv     *http.Server
	addr    net.Addr
	tracker conns.Tracker
	over    chan struct{}
	ended   chan struct{}
	serves  chan struct{} // closed at the first Accept
	accepts atomic.Bool   // net/http's Serve has not turned it down
	closed  atomic.Bool
}

// newFront returns when the stand-in is served: what srv is asked by then (BaseContext)
// it is not asked at once with what serves.
func newFront(srv *http.Server, addr net.Addr, t conns.Tracker) *front {
	f := &front{
		srv: srv, addr: addr, tracker: t,
		over: make(chan struct{}), ended: make(chan struct{}), serves: make(chan struct{}),
	}
	go func() {
		defer close(f.ended)
		_ = srv.Serve(f)
	}()
	select {
	case <-f.serves:
	case <-f.ended:
	}
	return f
}

// Accept implements net.Listener: it blocks until the drain is over.
func (f *front) Accept() (net.Conn, error) {
	if f.accepts.CompareAndSwap(false, true) {
		close(f.serves)
	}
	if f.closed.Load() {
		f.ask()
	}
	<-f.over
	return nil, net.ErrClosed
}

// Close implements net.Listener: the user has called Shutdown or Close.
func (f *front) Close() error {
	f.closed.Store(true)
	if f.accepts.Load() {
		f.ask()
	}
	return nil
}

func (f *front) ask() {
	select {
	case <-f.over:
	default:
		f.tracker.AskDrain("http.Server.Shutdown or Close was called on the managed server")
	}
}

// Addr implements net.Listener.
func (f *front) Addr() net.Addr { return f.addr }

// release ends the stand-in and runs what RegisterOnShutdown registered, unless the
// user's own Shutdown has run it.
func (f *front) release() {
	asked := f.accepts.Load() && f.closed.Load()
	close(f.over)
	<-f.ended
	if !asked {
		_ = f.srv.Shutdown(context.Background())
	}
}
