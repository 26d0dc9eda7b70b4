package conns

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sockets are two ends of a TCP connection.
func sockets(t *testing.T) (here, there net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = ln.Close() }()
	there, err = net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	here, err = ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = here.Close(), there.Close() })
	return here, there
}

// A client whose first bytes have arrived, and were not read because the process had no
// processor, has begun: it does not leave as one that was silent for the whole grace.
func TestH2LastLookFindsWhatHasArrived(t *testing.T) {
	if !visible(&net.TCPConn{}) {
		t.Skip("what the kernel has received cannot be seen here")
	}
	for name, delegated := range map[string]bool{"HTTP/2": false, "gRPC": true} {
		for _, silent := range []bool{false, true} {
			t.Run(map[bool]string{false: name, true: name + ", silent"}[silent], func(t *testing.T) {
				here, there := sockets(t)
				g := NewGroup("test", Settings{})
				g.Drain(time.Now().Add(time.Hour))
				c := New(g, here)
				c.Own(nobody{})
				h := c.multiplex(nil, delegated)
				c.Leave()
				if !silent {
					_, err := io.WriteString(there, H2Preface)
					require.NoError(t, err)
					require.Eventually(t, func() bool { return peek(here) }, time.Second, time.Millisecond)
				}
				h.askedAt.Store(1) // the grace was over long ago
				h.lookUp.Store(1)
				require.NoError(t, c.applyReadDeadline())
				buf := make([]byte, 100)
				n, err := h.Read(buf)
				if silent {
					require.ErrorIs(t, err, io.EOF)
					return
				}
				require.NoError(t, err)
				require.Equal(t, H2Preface, string(buf[:n]))
			})
		}
	}
}
