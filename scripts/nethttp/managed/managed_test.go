//go:build nethttp

// Package http_test is where scripts/nethttp lays net/http's own tests beside
// this file, when it compiles them: none of them is in this repository.
package http_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// Every http.Server that a test serves is served by Drain in its stead, if the
// environment says so.
func init() {
	if os.Getenv("NETHTTP_MANAGED") != "" {
		http.ServeInstead = serveManaged
	}
}

// served counts the servers that Drain has served.
var served atomic.Int64

// tellServed is called by TestMain, at the end.
func tellServed() { fmt.Printf("\nserved by Drain: %d servers\n", served.Load()) }

// serveManaged is http.Server.Serve as those tests know it: it returns when the
// listener is closed or fails, or when the server was shut down, and leaves the
// connections to whoever has them. It declines what Drain serves itself, and a
// server that has been shut down before, for which net/http has the error.
func serveManaged(srv *http.Server, l net.Listener) (done bool, err error) {
	if t := reflect.TypeOf(l); strings.HasSuffix(pkgPath(t), "/drain/servers") || srv.IsDownForTesting() {
		return false, nil
	}
	http.CallTestHookServerServe(srv, l)
	served.Add(1)
	outer := l
	var config *tls.Config
	if os.Getenv("NETHTTP_MANAGED") != "listener" {
		l, config = belowTLS(l)
	}
	// The adapter does TLS itself, and does it if there is a certificate: a test that
	// serves without TLS, with a certificate all the same, means what it says.
	if config == nil && srv.TLSConfig != nil {
		config = srv.TLSConfig.Clone()
		config.Certificates, config.GetCertificate, config.GetConfigForClient = nil, nil, nil
	}
	srv.TLSConfig = config
	var system *actor.ActorSystem // one of Drain's own
	if fmt.Sprintf("%T", l) == "*http_test.fakeNetListener" {
		// It is in a bubble of testing/synctest, which no goroutine may outlive; the
		// framework's, which counts dead letters, would, by a millisecond.
		system = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
			return slog.New(slog.DiscardHandler)
		}))
		system.EventStream = eventstream.NewEventStream()
	}
	given := &watched{Listener: l, outer: outer, failed: make(chan error, 1), closed: make(chan struct{})}
	h, err := drain.Config{
		Timeout: 5 * time.Second, Signals: []os.Signal{}, Logger: slog.New(slog.DiscardHandler), System: system,
	}.Start(context.Background(), servers.HTTP(srv, servers.HTTPOptions{Name: "tested", Listener: given}))
	if err != nil {
		_ = outer.Close()
		return true, err
	}
	select {
	case <-h.Done():
		err = net.ErrClosed
	case err = <-given.failed:
		if errors.Is(err, net.ErrClosed) { // the test is over
			go func() { _, _ = h.Shutdown(context.Background()) }()
		}
	}
	if srv.IsDownForTesting() {
		err = http.ErrServerClosed
	}
	return true, err
}

func pkgPath(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath()
}

// belowTLS takes a listener of tls.NewListener apart.
func belowTLS(l net.Listener) (net.Listener, *tls.Config) {
	if fmt.Sprintf("%T", l) != "*tls.listener" {
		return l, nil
	}
	v := reflect.ValueOf(l).Elem()
	config := v.FieldByName("config")
	return v.FieldByName("Listener").Interface().(net.Listener),
		*(**tls.Config)(unsafe.Pointer(config.UnsafeAddr()))
}

// watched tells when the listener fails for good, or is closed. Drain hears of the
// latter alone: it would drain a server whose listener has failed, where net/http
// lets the connections be, and the listeners of those tests fail after the first.
type watched struct {
	net.Listener
	outer  net.Listener
	once   sync.Once
	failed chan error
	shut   sync.Once
	closed chan struct{}
}

func (w *watched) Accept() (net.Conn, error) {
	nc, err := w.Listener.Accept()
	if err == nil {
		return nc, nil
	}
	if te, ok := err.(interface{ Temporary() bool }); ok && te.Temporary() {
		return nil, err
	}
	w.once.Do(func() { w.failed <- err })
	if !errors.Is(err, net.ErrClosed) {
		<-w.closed
	}
	return nil, net.ErrClosed
}

func (w *watched) Close() error {
	w.once.Do(func() { w.failed <- net.ErrClosed })
	w.shut.Do(func() { close(w.closed) })
	return w.outer.Close()
}

func (w *watched) SetDeadline(t time.Time) error {
	if d, ok := w.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		return d.SetDeadline(t)
	}
	return fmt.Errorf("%T has no deadline", w.Listener)
}

// ResetProxyEnv is a helper of net/http's own test files that are inside its
// package.
func ResetProxyEnv() {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "REQUEST_METHOD"} {
		_ = os.Unsetenv(name)
	}
	http.ResetCachedEnvironment()
}
