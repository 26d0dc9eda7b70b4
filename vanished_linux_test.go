package drain_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// vanish has the client's kernel drop what comes, so that nothing is acknowledged any
// more: a phone in a tunnel.
func vanish(t *testing.T, nc net.Conn) {
	raw, err := nc.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	require.NoError(t, raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]})
	}))
	require.NoError(t, err)
}

// Of a peer that has vanished nobody can have an answer: that is no error, unless it is
// missing a message too.
func TestP3_APeerThatHasVanishedIsUnanswered(t *testing.T) {
	for name, c := range map[string]struct {
		message bool
		timeout time.Duration
	}{
		"quiet":                      {false, 5 * time.Second},
		"quiet until the deadline":   {false, time.Second},
		"a message":                  {true, 5 * time.Second},
		"a message and the deadline": {true, time.Second},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", TLS"}[secure], func(t *testing.T) {
				t.Parallel()
				talk, talked := make(chan struct{}), make(chan struct{})
				srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
					if err != nil {
						return
					}
					defer ws.Close()
					go func() {
						<-talk
						_ = ws.WriteMessage(websocket.TextMessage, []byte("where are you?"))
						close(talked)
					}()
					_, _, _ = ws.ReadMessage()
				})}
				scheme := "ws"
				if secure {
					srv.TLSConfig, scheme = &tls.Config{Certificates: []tls.Certificate{certificate}}, "wss"
				}
				config := drain.Config{Timeout: c.timeout, Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}}
				config.CloseTimeout, config.Linger = 700*time.Millisecond, 200*time.Millisecond
				h, err := config.Start(context.Background(), servers.HTTP(srv))
				require.NoError(t, err)
				var socket net.Conn
				dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, NetDial: func(network, addr string) (net.Conn, error) {
					socket, err = net.Dial(network, addr)
					return socket, err
				}}
				var addr string
				for _, addr = range h.Addrs() {
				}
				ws, _, err := dialer.Dial(scheme+"://"+addr, nil)
				require.NoError(t, err)
				defer ws.Close()
				vanish(t, socket)
				if c.message {
					close(talk)
					<-talked
				} else {
					defer close(talk)
				}
				report, err := h.Shutdown(t.Context())
				sum := report.Sum()
				if c.message {
					require.ErrorIs(t, err, drain.ErrCut)
					assert.Equal(t, 1, sum.Killed, report)
					return
				}
				require.NoError(t, err, report)
				assert.Equal(t, 1, sum.Unanswered, report)
			})
		}
	}
}
