// Package googollee proves that googollee/go-socket.io 1.7.0, an archived library
// with a single Close, drains: its WebSocket transport, with the client 2.5.0.
package googollee

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	socketio "github.com/googollee/go-socket.io"
	"github.com/googollee/go-socket.io/engineio"
	"github.com/googollee/go-socket.io/engineio/transport"
	"github.com/googollee/go-socket.io/engineio/transport/websocket"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

func serve(t *testing.T, addr string) *drain.Handle {
	t.Helper()
	io := socketio.NewServer(&engineio.Options{Transports: []transport.Transport{&websocket.Transport{}}})
	io.OnConnect("/", func(socketio.Conn) error { return nil })
	io.OnEvent("/", "count", func(_ socketio.Conn, n string) string { return n })
	io.OnError("/", func(socketio.Conn, error) {})
	go func() { _ = io.Serve() }()
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	sessions := servers.CloseFunc(func(context.Context) error { return io.Close() })
	c := drain.Config{Timeout: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)}
	h, err := c.Start(context.Background(), servers.SocketIO(&http.Server{Addr: addr, Handler: mux}, sessions))
	require.NoError(t, err)
	return h
}

type line struct {
	Ready bool   `json:"ready"`
	Gone  string `json:"gone"`
	Code  int    `json:"code"`
	Wrong string `json:"wrong"`
}

func TestWebSocketClientsSeeTransportCloseAndComeBack(t *testing.T) {
	const clients = "20"
	_, err := os.Stat("node_modules/socket.io-client")
	require.NoError(t, err, "run scripts/googollee.sh: it installs socket.io-client 2.5.0")
	h := serve(t, "127.0.0.1:0")
	addr := h.Addrs()["http"]
	node := exec.Command("node", "clients.js", "http://"+addr, clients)
	node.Stderr = os.Stderr
	out, err := node.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, node.Start())
	defer func() {
		_ = node.Process.Kill()
		_ = node.Wait()
	}()
	watchdog := time.AfterFunc(time.Minute, func() { _ = node.Process.Kill() })
	defer watchdog.Stop()
	lines := bufio.NewScanner(out)
	gone := map[line]int{}
	ready := func() {
		for lines.Scan() {
			var l line
			require.NoError(t, json.Unmarshal(lines.Bytes(), &l))
			require.Empty(t, l.Wrong)
			if l.Ready {
				return
			}
			gone[l]++
		}
		t.Fatal("the clients ended")
	}
	ready()
	r, err := h.Shutdown(context.Background())
	require.NoError(t, err, r)
	require.Less(t, r.Took, 2*time.Second)
	again := serve(t, addr)
	ready()
	require.Equal(t, map[line]int{{Gone: "transport close", Code: 1001}: 20}, gone)
	t.Logf("20 of 20: transport close, 1001; drained in %s; all back", r.Took)
	_, err = again.Shutdown(context.Background())
	require.NoError(t, err)
}
