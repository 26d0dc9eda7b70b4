package servers_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

func awaitDone(t *testing.T, h *drain.Handle) {
	t.Helper()
	select {
	case <-h.Done():
	case <-time.After(20 * time.Second):
		require.FailNow(t, "it was not drained")
	}
}

// Whoever has seen Start return may shut his server down.
func TestServerShutdownOfTheUserIsHeardFromTheStartOn(t *testing.T) {
	for range 10 {
		srv := &http.Server{Addr: "127.0.0.1:0"}
		tr := grow(t, quick(), servers.HTTP(srv))
		require.NoError(t, srv.Shutdown(t.Context()))
		awaitDone(t, tr.Handle)
		r, err := tr.Wait()
		require.NoError(t, err)
		require.Contains(t, r.Reason, "http.Server.Shutdown")
	}
}

// slowToBind is a server that others wait for until they may serve.
type slowToBind struct{ bind, unbind chan struct{} }

func (*slowToBind) Name() string { return "slow to bind" }

func (s *slowToBind) Bind(context.Context) (string, error) {
	<-s.bind
	return "nowhere", nil
}

func (s *slowToBind) Serve(conns.Tracker) error {
	<-s.unbind
	return nil
}

func (s *slowToBind) Unbind(context.Context) error {
	close(s.unbind)
	return nil
}

// whenBound is told that the server of that name is bound.
type whenBound struct {
	name  string
	bound chan<- string // its address
}

func (w whenBound) Notify(e messages.Event) {
	if b, ok := e.(messages.ServerBound); ok && b.Server == w.name {
		w.bound <- b.Addr
	}
}

func TestServerShutdownOfTheUserIsHeardBeforeItServes(t *testing.T) {
	srv := &http.Server{Addr: "127.0.0.1:0"}
	heard := make(chan struct{})
	srv.RegisterOnShutdown(func() { close(heard) }) // twice would be a panic
	other := &slowToBind{make(chan struct{}), make(chan struct{})}
	config, bound := quick(), make(chan string, 1)
	config.Subscribers = []messages.Subscriber{whenBound{"http", bound}}
	returned := make(chan error, 1)
	var addr string
	go func() {
		addr = <-bound
		go func() { returned <- srv.Shutdown(context.Background()) }()
		<-heard
		close(other.bind)
	}()
	tr := grow(t, config, servers.HTTP(srv), other)
	require.NoError(t, <-returned)
	_, err := net.Dial("tcp", addr)
	require.Error(t, err, "it has been drained")
	r := tr.drained()
	require.NoError(t, r.Err(), r)
	require.Contains(t, r.Reason, "Shutdown was called", "the other one served on")
}

// What has not been served is not shut down: no hook of the user's runs, and the next
// start finds the server as it was.
func TestAServerWhoseStartFailedIsStartedAgain(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	srv, hooks := &http.Server{Addr: "127.0.0.1:0"}, make(chan struct{}, 1)
	srv.RegisterOnShutdown(func() { hooks <- struct{}{} })
	managed := servers.HTTP(srv)
	_, err = quick().Start(t.Context(), managed,
		servers.HTTP(&http.Server{Addr: taken.Addr().String()}, servers.HTTPOptions{Name: "taken"}))
	require.ErrorContains(t, err, `"taken"`)
	require.Eventually(t, func() bool { return !managed.Managed() }, 20*time.Second, time.Millisecond)
	require.Empty(t, hooks)
	tr := grow(t, quick(), managed)
	require.NoError(t, srv.Shutdown(t.Context()))
	<-hooks
	awaitDone(t, tr.Handle)
}
