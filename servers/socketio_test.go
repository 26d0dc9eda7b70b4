package servers_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/internal/socketio"
	"github.com/godrain/drain/internal/socketio/clienttest"
	"github.com/godrain/drain/servers"
)

// What a handler has acknowledged, its client knows, although the server goes in
// the middle of it: nothing is done twice, nothing is acknowledged that was not done.
func TestSocketIOAcksAreNotLost(t *testing.T) {
	for _, mode := range []string{clienttest.Polling, clienttest.WebSocket, clienttest.Upgraded} {
		t.Run(mode, func(t *testing.T) {
			var handled sync.Map
			var twice atomic.Int64
			serve := func(addr string) *tree {
				s := socketio.New(socketio.Options{})
				s.Of("/").OnConnection(func(k *socketio.Socket) {
					k.On("count", func(args []any, ack func(...any)) {
						if _, again := handled.LoadOrStore(args[0], true); again {
							twice.Add(1)
						}
						ack(args[0])
					})
				})
				mux := http.NewServeMux()
				mux.Handle("/socket.io/", s)
				return grow(t, normal(), servers.SocketIO(&http.Server{Addr: addr, Handler: mux}, s))
			}
			tr := serve("127.0.0.1:0")
			addr := tr.addr("http")
			clients := clienttest.Start(t, "http://"+addr, clienttest.Client4, mode, 30)
			r := tr.drained()
			require.NoError(t, r.Err(), r)
			require.Less(t, r.Took, 2*time.Second)
			clients.AwaitGone()
			again := serve(addr)
			clients.AwaitBack()
			for _, id := range clients.Stop() {
				_, was := handled.Load(id)
				require.True(t, was, "%s is acknowledged but was never handled", id)
			}
			require.Zero(t, twice.Load(), "events were handled twice: their acks were lost")
			require.NoError(t, again.drained().Err())
		})
	}
}

// A library with one Close gets its handshakes refused in its stead, while the
// listener is open and the sessions it has go on.
func TestSocketIOCloseFunc(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan error)
	s := servers.SocketIO(&http.Server{
		Addr:    "127.0.0.1:0",
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) }),
	}, servers.CloseFunc(func(context.Context) error {
		close(asked)
		return <-answer
	}))
	tr := grow(t, quick(), s)
	get := func(path string) int {
		resp, err := http.Get("http://" + tr.addr("http") + path)
		require.NoError(t, err)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, 200, get("/socket.io/?EIO=3&transport=polling"))
	addr := tr.addr("http")
	done := make(chan drain.Report)
	go func() { done <- tr.drained() }()
	<-asked
	require.Equal(t, 503, get("/socket.io/?EIO=3&transport=polling"))
	require.Equal(t, 200, get("/socket.io/?EIO=3&transport=polling&sid=1"))
	require.Equal(t, 200, get("/elsewhere"))
	answer <- errors.New("one of them did not want to")
	r := <-done
	require.ErrorContains(t, r.Err(), "one of them did not want to")
	_, err := http.Get("http://" + addr)
	require.Error(t, err)
}

// The same server, started again after a drain, takes new sessions, and closes them as
// it did the first time.
func TestSocketIOIsServedAgain(t *testing.T) {
	s := socketio.New(socketio.Options{})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", s)
	managed := servers.SocketIO(&http.Server{Addr: "127.0.0.1:0", Handler: mux}, s)
	for range 2 {
		tr := grow(t, quick(), managed)
		url := "http://" + tr.addr("http") + "/socket.io/?EIO=4&transport=polling"
		resp, err := http.Get(url)
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode)
		var open struct {
			SID string `json:"sid"`
		}
		_, _ = resp.Body.Read(make([]byte, 1)) // the packet's type
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&open))
		_ = resp.Body.Close()
		polled := make(chan string, 1)
		go func() {
			resp, err := http.Get(url + "&sid=" + open.SID)
			if !assert.NoError(t, err) {
				return
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			polled <- string(body)
		}()
		require.NoError(t, tr.drained().Err())
		require.Equal(t, "1", <-polled, "a close packet")
		require.Zero(t, s.Sessions())
		require.Eventually(t, func() bool { return !managed.Managed() }, 20*time.Second, time.Millisecond)
	}
}
