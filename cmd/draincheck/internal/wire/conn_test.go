//go:build unix

package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// arrived waits until what the peer did has reached this side's kernel.
func arrived(t *testing.T, c *Conn) {
	t.Helper()
	err := c.Await(t.Context(), 5*time.Second)
	var b *Break
	if errors.As(err, &b) {
		require.NotEqual(t, TimedOut, b.How)
	}
}

func TestLook(t *testing.T) {
	c, peer := dialled(t)
	assert.Equal(t, Quiet, c.Look())
	io.WriteString(peer, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
	arrived(t, c)
	assert.Equal(t, Spoken, c.Look())
	h, err := c.ReadResponse()
	require.NoError(t, err)
	assert.Equal(t, 408, h.Status)
	assert.Equal(t, Quiet, c.Look())
	peer.Close()
	arrived(t, c)
	assert.Equal(t, Over, c.Look())
}

func TestACarefulRequestIsNotWrittenAfterTheEnd(t *testing.T) {
	for name, end := range map[string]func(*net.TCPConn){
		"FIN":                 func(p *net.TCPConn) { p.CloseWrite() },
		"RST":                 func(p *net.TCPConn) { p.SetLinger(0); p.Close() },
		"words and then FIN":  func(p *net.TCPConn) { io.WriteString(p, "farewell"); p.CloseWrite() },
		"close, for whatever": func(p *net.TCPConn) { p.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			c, peer := dialled(t)
			end(peer)
			arrived(t, c)
			written, err := c.Send([]byte("POST / HTTP/1.1\r\n\r\n"), true)
			assert.False(t, written)
			assert.Error(t, err)
		})
	}
}

func TestABlindRequestIsWrittenAfterTheEnd(t *testing.T) {
	c, peer := dialled(t)
	peer.CloseWrite()
	arrived(t, c)
	written, err := c.Send([]byte("POST / HTTP/1.1\r\n\r\n"), false)
	assert.True(t, written)
	assert.NoError(t, err)
}

func TestABigRequestIsWrittenWhole(t *testing.T) {
	c, peer := dialled(t)
	const size = 8 << 20
	read := make(chan int64)
	go func() {
		n, _ := io.Copy(io.Discard, peer)
		read <- n
	}()
	written, err := c.Send(make([]byte, size), true)
	require.NoError(t, err)
	assert.True(t, written)
	require.NoError(t, c.CloseWrite())
	assert.EqualValues(t, size, <-read)
}

func TestLookOverTLS(t *testing.T) {
	c, peer := dialledTLS(t)
	assert.Equal(t, Quiet, c.Look(), "session tickets are no words")
	written, err := c.Send([]byte("ping"), true)
	require.NoError(t, err)
	assert.True(t, written)
	_, err = io.ReadFull(peer, make([]byte, 4))
	require.NoError(t, err)
	assert.Equal(t, Quiet, c.Look(), "a look harms nothing")
	io.WriteString(peer, "x")
	arrived(t, c)
	assert.Equal(t, Spoken, c.Look())
	_, err = c.Read(make([]byte, 1))
	require.NoError(t, err)
	peer.Close()
	arrived(t, c)
	assert.Equal(t, Over, c.Look())
	written, _ = c.Send([]byte("ping"), true)
	assert.False(t, written)
}

func dialledTLS(t *testing.T) (*Conn, *tls.Conn) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	config := s.TLS.Clone()
	s.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	require.NoError(t, err)
	defer l.Close()
	accepted := make(chan *tls.Conn, 1)
	go func() {
		if peer, err := l.Accept(); err == nil {
			peer.(*tls.Conn).Handshake()
			accepted <- peer.(*tls.Conn)
		}
	}()
	u := &url.URL{Scheme: "https", Host: l.Addr().String()}
	c, err := Dialler{Addr: Address(u), TLS: Trusting(u, "http/1.1")}.Dial(t.Context())
	require.NoError(t, err)
	peer := <-accepted
	t.Cleanup(func() { c.Close(); peer.Close() })
	return c, peer
}

func TestAwait(t *testing.T) {
	c, peer := dialled(t)
	err := c.Await(t.Context(), time.Millisecond)
	var b *Break
	require.ErrorAs(t, err, &b)
	assert.Equal(t, TimedOut, b.How)
	io.WriteString(peer, "x")
	require.NoError(t, c.Await(t.Context(), 5*time.Second))
}

func TestASlowConnectionHoldsLittle(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := Dialler{Addr: l.Addr().String(), Slow: true}.Dial(t.Context())
	require.NoError(t, err)
	defer c.Close()
	peer, err := l.Accept()
	require.NoError(t, err)
	defer peer.Close()
	peer.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	n, err := peer.Write(make([]byte, 8<<20))
	require.Error(t, err, "nobody reads, yet it was all taken")
	assert.Less(t, n, 1<<20)
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1:8080/x": "127.0.0.1:8080", "http://localhost/": "localhost:80",
		"https://localhost": "localhost:443", "wss://localhost/ws": "localhost:443", "http://[::1]/": "[::1]:80",
	} {
		u, err := url.Parse(in)
		require.NoError(t, err)
		assert.Equal(t, want, Address(u))
	}
}
