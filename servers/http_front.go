package servers

import (
	"context"
	"errors"
	"net"
	"net/http"
	"reflect"
	"sync"
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
// the server counts as bound: whoever is told that it is may shut it down. A server that
// is served on several listeners has one for all of them.
type front struct {
	srv      *http.Server
	template *http.Server // its configuration, as it was before anything served it
	claims   int          // of the holder of fronts' token
	started  bool         // of the same

	addr     net.Addr
	trackers sync.Map // of who is asked: by *HTTPServer
	over     chan struct{}
	ended    chan struct{}
	serves   chan struct{} // closed at the first Accept
	accepts  atomic.Bool   // net/http's Serve has not turned it down
	closed   atomic.Bool
}

// fronts are those that there are. Whoever looks at an http.Server that is not served
// yet, or has it served, holds the token.
var fronts = struct {
	token chan struct{}
	of    map[*http.Server]*front
}{make(chan struct{}, 1), make(map[*http.Server]*front)}

// frontOf claims the front of srv, which is not served before start.
func frontOf(srv *http.Server) (*front, error) {
	fronts.token <- struct{}{}
	defer func() { <-fronts.token }()
	f := fronts.of[srv]
	if f == nil {
		if servesAlready(srv) {
			return nil, errors.New("the http.Server serves already, outside of Drain: hand it over before it serves, " +
				"or hand over its listener with a new http.Server")
		}
		f = &front{
			srv: srv, template: copyOf(srv),
			over: make(chan struct{}), ended: make(chan struct{}), serves: make(chan struct{}),
		}
		fronts.of[srv] = f
	}
	f.claims++
	return f, nil
}

// start returns when the stand-in is served: what srv is asked by then (BaseContext)
// it is not asked at once with what serves.
func (f *front) start(addr net.Addr) {
	fronts.token <- struct{}{}
	defer func() { <-fronts.token }()
	if f.started {
		return
	}
	f.started, f.addr = true, addr
	go func() {
		defer close(f.ended)
		_ = f.srv.Serve(f)
	}()
	select {
	case <-f.serves:
	case <-f.ended:
	}
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

// attend names one more who is asked for the drain; it may have been wanted already.
func (f *front) attend(h *HTTPServer, t conns.Tracker) {
	f.trackers.Store(h, t)
	if f.accepts.Load() && f.closed.Load() {
		f.ask()
	}
}

func (f *front) ask() {
	select {
	case <-f.over:
	default:
		f.trackers.Range(func(_, t any) bool {
			t.(conns.Tracker).AskDrain("http.Server.Shutdown or Close was called on the managed server")
			return true
		})
	}
}

// Addr implements net.Listener.
func (f *front) Addr() net.Addr { return f.addr }

// release gives a claim back. The last one ends the stand-in, and, if anything was
// served, runs what RegisterOnShutdown registered, unless the user's own Shutdown has.
func (f *front) release(h *HTTPServer, served bool) {
	f.trackers.Delete(h)
	fronts.token <- struct{}{}
	f.claims--
	last, started := f.claims == 0, f.started
	if last {
		delete(fronts.of, f.srv)
	}
	<-fronts.token
	if !last {
		return
	}
	asked := f.accepts.Load() && f.closed.Load()
	close(f.over)
	if started {
		<-f.ended
	}
	if served && !asked {
		_ = f.srv.Shutdown(context.Background())
	}
}
