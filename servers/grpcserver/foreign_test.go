package grpcserver_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shy is a listener whose first connection does not say who its peer is, as a silent
// one with the PROXY protocol: asking for its address waits for its first byte.
type shy struct {
	net.Listener
	first sync.Once
}

func (l *shy) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	l.first.Do(func() { nc = &shyConn{Conn: nc} })
	return nc, err
}

type shyConn struct {
	net.Conn
	once sync.Once
	err  error
}

func (c *shyConn) hear() error {
	c.once.Do(func() { _, c.err = c.Conn.Read(make([]byte, 1)) })
	return c.err
}

func (c *shyConn) RemoteAddr() net.Addr {
	_ = c.hear()
	return c.Conn.RemoteAddr()
}

func (c *shyConn) Read(p []byte) (int, error) {
	if err := c.hear(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// A connection that does not say who its peer is holds up nobody, and leaves in a
// drain like any other silent one.
func TestAPeerThatIsNotKnownYetHoldsUpNobody(t *testing.T) {
	for name, c := range transports(t) {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			c.options.Listener = &shy{Listener: ln}
			h := start(t, 5*time.Second, new(echo).server(c.options, c.server...))
			silent, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			defer silent.Close()
			cc := dial(t, ln.Addr().String(), c.client...)
			said, err := say(cc, "hello")
			require.NoError(t, err)
			require.Equal(t, "hello", said)
			_ = cc.Close()
			require.NoError(t, shutdown(h).Err())
		})
	}
}
