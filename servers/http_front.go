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
// down before, and is started again, does not even accept on it. It is there before
// the server counts as bound: whoever is told that it is may shut it down.
type front struct {
	srv     *http.Server
	addr    net.Addr
	tracker atomic.Pointer[conns.Tracker] // nil until there is somebody to ask
	over    chan struct{}
	ended   chan struct{}
	serves  chan struct{} // closed at the first Accept
	accepts atomic.Bool   // net/http's Serve has not turned it down
	closed  atomic.Bool
}

// newFront returns when the stand-in is served: what srv is asked by then (BaseContext)
// it is not asked at once with what serves.
func newFront(srv *http.Server, addr net.Addr) *front {
	f := &front{
		srv: srv, addr: addr,
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

// attend names who is asked for the drain; it may have been wanted already.
func (f *front) attend(t conns.Tracker) {
	f.tracker.Store(&t)
	if f.accepts.Load() && f.closed.Load() {
		f.ask()
	}
}

func (f *front) ask() {
	select {
	case <-f.over:
	default:
		if t := f.tracker.Load(); t != nil {
			(*t).AskDrain("http.Server.Shutdown or Close was called on the managed server")
		}
	}
}

// Addr implements net.Listener.
func (f *front) Addr() net.Addr { return f.addr }

// release ends the stand-in. If anything was served, it runs what RegisterOnShutdown
// registered, unless the user's own Shutdown has run it.
func (f *front) release(served bool) {
	asked := f.accepts.Load() && f.closed.Load()
	close(f.over)
	<-f.ended
	if served && !asked {
		_ = f.srv.Shutdown(context.Background())
	}
}
