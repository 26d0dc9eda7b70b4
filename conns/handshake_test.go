package conns

import (
	"crypto/tls"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/internal/selfsigned"
)

// stalled is a socket of a process that had no processor for long: its first Read finds
// that the time is over.
type stalled struct {
	*net.TCPConn
	wakes func()
}

func (s *stalled) Read(p []byte) (int, error) {
	if wakes := s.wakes; wakes != nil {
		s.wakes = nil
		wakes()
		return 0, os.ErrDeadlineExceeded
	}
	return s.TCPConn.Read(p)
}

// handshake is a TLS connection that was asked to leave, its client's end, and the
// handshake, to be started.
func handshake(t *testing.T, grace time.Duration) (c *Conn, sock *stalled, client net.Conn, run func() error) {
	t.Helper()
	here, there := sockets(t)
	sock = &stalled{TCPConn: here.(*net.TCPConn)}
	certificate, err := selfsigned.Certificate()
	require.NoError(t, err)
	records := NewRecords(sock)
	layer := tls.Server(records, &tls.Config{Certificates: []tls.Certificate{certificate}})
	g := NewGroup("test", Settings{IdleGrace: grace})
	g.Drain(time.Now().Add(10 * time.Hour))
	c = NewTLS(g, layer, records)
	c.Own(nobody{})
	c.Leave()
	return c, sock, there, func() error {
		err := layer.Handshake()
		c.Handshaken()
		return err
	}
}

// What a peer has sent of its handshake, and nobody had the time to read, is read before
// the connection leaves; where there is nothing, it leaves.
func TestAHandshakeWhoseTimeIsOverLooksAtWhatHasArrived(t *testing.T) {
	if !visible(&net.TCPConn{}) {
		t.Skip("what the kernel has received cannot be seen here")
	}
	for _, silent := range []bool{false, true} {
		c, sock, there, run := handshake(t, 5*time.Second)
		if !silent {
			go func() { _ = tls.Client(there, &tls.Config{InsecureSkipVerify: true}).Handshake() }()
			require.Eventually(t, func() bool { return peek(sock) }, time.Second, time.Millisecond)
		}
		sock.wakes = func() { // the grace was over long ago
			longAgo := now() - int64(time.Hour)
			c.ask.Store(longAgo)
			c.since.Store(longAgo)
		}
		if silent {
			require.ErrorIs(t, run(), os.ErrDeadlineExceeded)
		} else {
			require.NoError(t, run())
		}
	}
}

// One that goes on is not abandoned, in how many pieces and how slowly it may come; but
// a record that drips has twice the grace. How long it takes is the subject.
func TestAHandshakeInProgressIsNotAbandoned(t *testing.T) {
	t.Run("slow", func(t *testing.T) {
		const grace = 300 * time.Millisecond
		_, _, there, run := handshake(t, grace)
		go func() {
			_ = tls.Client(&paced{there, grace * 2 / 3}, &tls.Config{InsecureSkipVerify: true}).Handshake()
		}()
		start := time.Now()
		require.NoError(t, run())
		assert.GreaterOrEqual(t, time.Since(start), grace)
	})
	t.Run("dripping", func(t *testing.T) {
		const grace = 60 * time.Millisecond
		_, _, there, run := handshake(t, grace)
		go func() {
			hello := append([]byte{0x16, 3, 1, 0x40, 0}, make([]byte, 1<<14)...)
			for i := range hello {
				if _, err := there.Write(hello[i : i+1]); err != nil {
					return
				}
				time.Sleep(grace / 10) // the drip is the subject
			}
		}()
		start := time.Now()
		require.ErrorIs(t, run(), os.ErrDeadlineExceeded)
		assert.Greater(t, time.Since(start), grace)
		assert.Less(t, time.Since(start), 20*grace)
	})
}

// paced is a client that thinks before it writes.
type paced struct {
	net.Conn
	pause time.Duration
}

func (p *paced) Write(b []byte) (int, error) {
	time.Sleep(p.pause) // a slow client is the subject
	return p.Conn.Write(b)
}
