//go:build unix

package wire

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dialled returns both ends of a connection.
func dialled(t *testing.T) (*Conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	c, err := Dialler{Addr: l.Addr().String()}.Dial(t.Context())
	require.NoError(t, err)
	peer, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(); peer.Close() })
	return c, peer.(*net.TCPConn)
}

// says lets the server send something and close.
func says(t *testing.T, text string) *Conn {
	c, peer := dialled(t)
	_, err := io.WriteString(peer, text)
	require.NoError(t, err)
	peer.Close()
	return c
}

func TestCompleteResponses(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		status int
		close  bool
		body   string
	}{
		"length":             {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, false, "hello"},
		"no body":            {"HTTP/1.1 204 No Content\r\n\r\n", 204, false, ""},
		"chunks":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200, false, "hello"},
		"chunks and trailer": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n", 200, false, "x"},
		"until the end":      {"HTTP/1.1 200 OK\r\n\r\nhello", 200, true, "hello"},
		"announced":          {"HTTP/1.1 408 Request Timeout\r\nConnection: foo, Close\r\nContent-Length: 0\r\n\r\n", 408, true, ""},
		"HTTP/1.0":           {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, true, "x"},
		"after a 100":        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, false, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := says(t, c.text)
			h, err := conn.ReadHead()
			require.NoError(t, err)
			body, err := io.ReadAll(conn.Body(h))
			require.NoError(t, err)
			assert.Equal(t, c.status, h.Status)
			assert.Equal(t, c.close, h.Close)
			assert.Equal(t, c.body, string(body))
		})
	}
}

func TestResponsesThatAreNotComplete(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		how   How
		begun bool
	}{
		"nothing":            {"", Closed, false},
		"half a status line": {"HTTP/1.1 20", Closed, true},
		"half a header":      {"HTTP/1.1 200 OK\r\nContent-Le", Closed, true},
		"header only":        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Closed, true},
		"half a body":        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", Closed, true},
		"half a chunk":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", Closed, true},
		"no last chunk":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Closed, true},
		"no last line":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", Closed, true},
		"only a 100":         {"HTTP/1.1 100 Continue\r\n\r\n", Closed, true},
		"no HTTP":            {"SSH-2.0-OpenSSH\r\n\r\n", Garbled, true},
		"a bad length":       {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", Garbled, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := says(t, c.text).ReadResponse()
			var b *Break
			require.ErrorAs(t, err, &b)
			assert.Equal(t, c.how, b.How, "%v", err)
			assert.Equal(t, c.begun, b.Begun)
		})
	}
}

func TestAResetIsTold(t *testing.T) {
	c, peer := dialled(t)
	io.WriteString(peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
	h, err := c.ReadHead()
	require.NoError(t, err)
	peer.SetLinger(0)
	peer.Close()
	_, err = io.ReadAll(c.Body(h))
	var b *Break
	require.ErrorAs(t, err, &b)
	assert.Equal(t, Reset, b.How)
	assert.True(t, b.Begun)
}

func TestTheEndOfTheTrialIsATimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Dialler{Addr: l.Addr().String()}.Dial(ctx)
	require.NoError(t, err)
	defer c.Close()
	cancel()
	_, err = c.ReadResponse()
	var b *Break
	require.ErrorAs(t, err, &b)
	assert.Equal(t, TimedOut, b.How)
}
