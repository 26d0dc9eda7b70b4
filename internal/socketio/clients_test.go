package socketio_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/internal/socketio"
	"github.com/godrain/drain/internal/socketio/clienttest"
)

const chattyClients = 30

// house is a server on a port that survives it.
type house struct {
	*testing.T
	addr    string
	sio     *socketio.Server
	http    *http.Server
	handled sync.Map // ids that a handler has acknowledged
	twice   sync.Map

	gate atomic.Pointer[gate]
}

// gate holds the handlers that come to it.
type gate struct {
	held chan struct{}
	open chan struct{}
}

// serve starts a new server on the house's port.
func (h *house) serve() {
	h.Helper()
	l, err := net.Listen("tcp", h.addr)
	require.NoError(h, err)
	h.addr = l.Addr().String()
	h.sio = socketio.New(socketio.Options{})
	h.sio.Of("/").OnConnection(func(k *socketio.Socket) {
		k.On("count", func(args []any, ack func(...any)) {
			id, _ := args[0].(string)
			if data, _ := args[1].([]byte); string(data) != id {
				h.Errorf("%q came with the attachment %q", id, data)
			}
			if _, again := h.handled.LoadOrStore(id, true); again {
				h.twice.Store(id, true)
			}
			h.pass()
			ack(id)
		})
	})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", h.sio)
	h.http = &http.Server{Handler: mux}
	go func() { _ = h.http.Serve(l) }()
}

func (h *house) pass() {
	if g := h.gate.Load(); g != nil {
		g.held <- struct{}{}
		<-g.open
	}
}

// holdAll waits until every client has an event in a handler that goes on only
// when the sessions are being closed: the ack and the goodbye come together.
func (h *house) holdAll() (release func()) {
	g := &gate{held: make(chan struct{}), open: make(chan struct{})}
	h.gate.Store(g)
	for range chattyClients {
		<-g.held
	}
	return func() {
		h.gate.Store(nil)
		for h.opens() {
		}
		close(g.open)
	}
}

// opens says whether the server takes new sessions.
func (h *house) opens() bool {
	res, err := http.Get("http://" + h.addr + "/socket.io/?EIO=4&transport=polling")
	require.NoError(h, err)
	require.NoError(h, res.Body.Close())
	return res.StatusCode == http.StatusOK
}

// shutdown says goodbye to the sessions and then stops the server.
func (h *house) shutdown(release func()) time.Duration {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), 10*time.Second)
	defer cancel()
	start := time.Now()
	done := make(chan error, 1)
	go func() { done <- h.sio.CloseSessions(ctx) }()
	release()
	require.NoError(h, <-done)
	took := time.Since(start)
	require.Zero(h, h.sio.Sessions())
	require.NoError(h, h.http.Shutdown(ctx))
	return took
}

// TestRealClients shuts down a server that real clients chat with, and starts
// another on the same port. It needs Node.js 20 with npm.
func TestRealClients(t *testing.T) {
	for _, pkg := range []string{clienttest.Client4, clienttest.Client3} {
		for _, mode := range []string{clienttest.Polling, clienttest.WebSocket, clienttest.Upgraded} {
			t.Run(pkg+"/"+mode, func(t *testing.T) { survivesRestart(t, pkg, mode) })
		}
	}
}

func survivesRestart(t *testing.T, pkg, mode string) {
	h := &house{T: t, addr: "127.0.0.1:0"}
	h.serve()
	clients := clienttest.Start(t, "http://"+h.addr, pkg, mode, chattyClients)
	took := h.shutdown(h.holdAll())
	require.Less(t, took, 2*time.Second)

	seen := map[string]int{}
	for _, gone := range clients.AwaitGone() {
		seen[fmt.Sprint(gone.Reason, " ", gone.Code)]++
	}
	if mode == clienttest.Polling {
		require.GreaterOrEqual(t, seen["transport close 0"], 27, "%v", seen)
	} else {
		require.Equal(t, map[string]int{"transport close 1001": chattyClients}, seen)
	}

	h.serve()
	restarted := time.Now()
	clients.AwaitBack()
	back := time.Since(restarted)
	h.requireNoAckLost(clients)
	h.shutdown(func() {})
	t.Logf("%v; closed in %v, all back in %v", seen, took.Round(time.Millisecond), back.Round(time.Millisecond))
}

// requireNoAckLost: what a handler has acknowledged, the client knows, so it has
// repeated nothing that was done.
func (h *house) requireNoAckLost(clients *clienttest.Clients) {
	h.Helper()
	acked := map[string]bool{}
	for _, id := range clients.Stop() {
		acked[id] = true
		_, handled := h.handled.Load(id)
		require.True(h, handled, "%s is acknowledged but was never handled", id)
	}
	require.NotEmpty(h, acked)
	h.twice.Range(func(id, _ any) bool {
		h.Errorf("%v was handled twice: its ack was lost", id)
		return true
	})
}
