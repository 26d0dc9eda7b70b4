package reliability

import (
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// starved is a listener that is out of something.
type starved struct {
	net.Listener
	err   error
	fails atomic.Int64 // how often it will fail yet
	asked atomic.Int64 // how often it has failed
}

func (s *starved) Accept() (net.Conn, error) {
	if s.fails.Add(-1) >= 0 {
		s.asked.Add(1)
		return nil, s.err
	}
	return s.Listener.Accept()
}

func TestAcceptErrorsNeitherSpinNorEndAServer(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.ENOBUFS} {
		for _, kind := range []string{"http", "tcp"} {
			t.Run(kind+" "+errno.Error(), func(t *testing.T) {
				s := &starved{Listener: listenLocal(t), err: &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", errno)}}
				s.fails.Store(4)
				srv := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: hostileHandler()}
				var server drain.Server = servers.HTTP(srv, servers.HTTPOptions{Name: kind, Listener: s})
				if kind == "tcp" {
					world := &world{}
					server = servers.TCP("", (&site{world: world}).echoLines, servers.TCPOptions{Name: kind, Listener: s})
				}
				h, err := drain.Config{Logger: quietLogger, Signals: []os.Signal{}, Timeout: 5 * time.Second}.Start(t.Context(), server)
				require.NoError(t, err)
				began := time.Now()
				c, err := net.Dial("tcp", s.Addr().String())
				require.NoError(t, err)
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(patience))
				_, _ = io.WriteString(c, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				_, err = c.Read(make([]byte, 1))
				require.NoError(t, err, "it is served in the end")
				_ = c.Close()
				assert.EqualValues(t, 4, s.asked.Load())
				assert.Greater(t, time.Since(began), 50*time.Millisecond, "5 + 10 + 20 + 40 ms: it backs off")

				s.fails.Store(1 << 40) // and for good, during the drain
				_, err = h.Shutdown(t.Context())
				require.NoError(t, err)
				assert.Less(t, s.asked.Load(), int64(1500), "a try each 5 ms while the queue is emptied")
			})
		}
	}
}
