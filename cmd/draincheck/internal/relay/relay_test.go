package relay

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rtt = 40 * time.Millisecond

// throughRelay returns both ends of a connection with the relay between.
func throughRelay(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	r, err := Start(l.Addr().String(), rtt)
	require.NoError(t, err)
	c, err := net.Dial("tcp", r.Addr())
	require.NoError(t, err)
	s, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(); s.Close(); r.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

func TestWordsTakeHalfARoundTrip(t *testing.T) {
	client, server := throughRelay(t)
	for _, way := range [][2]*net.TCPConn{{client, server}, {server, client}} {
		began := time.Now()
		io.WriteString(way[0], "hello")
		got := make([]byte, 5)
		_, err := io.ReadFull(way[1], got)
		require.NoError(t, err)
		assert.Equal(t, "hello", string(got))
		assert.GreaterOrEqual(t, time.Since(began), rtt/2)
	}
}

func TestABigBodyArrivesWhole(t *testing.T) {
	client, server := throughRelay(t)
	const size = 4 << 20
	go func() {
		server.Write(make([]byte, size))
		server.CloseWrite()
	}()
	n, err := io.Copy(io.Discard, client)
	require.NoError(t, err)
	assert.EqualValues(t, size, n)
}

func TestAFinIsCarriedAndTheOtherWayStaysOpen(t *testing.T) {
	client, server := throughRelay(t)
	require.NoError(t, server.CloseWrite())
	_, err := client.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	io.WriteString(client, "x")
	_, err = server.Read(make([]byte, 1))
	require.NoError(t, err)
}

func TestAResetIsCarriedAsAReset(t *testing.T) {
	client, server := throughRelay(t)
	server.SetLinger(0)
	server.Close()
	_, err := client.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestARefusalBecomesAReset(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	r, err := Start(l.Addr().String(), rtt)
	require.NoError(t, err)
	defer r.Close()
	c, err := net.Dial("tcp", r.Addr())
	if err == nil {
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
	}
	require.ErrorIs(t, err, syscall.ECONNRESET)
}
