package servers_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

// announced is a listener whose connections say in their first line who their peer is,
// as with the PROXY protocol: asking for RemoteAddr waits for that.
type announced struct{ net.Listener }

func (l announced) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &announcing{Conn: nc, r: bufio.NewReader(nc), ready: make(chan struct{}, 1)}, nil
}

type announcing struct {
	net.Conn
	r     *bufio.Reader
	ready chan struct{}
	known bool
}

func (c *announcing) meet() {
	c.ready <- struct{}{}
	defer func() { <-c.ready }()
	if !c.known {
		_, _ = c.r.ReadString('\n')
		c.known = true
	}
}

func (c *announcing) Read(p []byte) (int, error) {
	c.meet()
	return c.r.Read(p)
}

func (c *announcing) RemoteAddr() net.Addr {
	c.meet()
	return c.Conn.RemoteAddr()
}

// gossip is a subscriber of everything.
type gossip struct{}

func (gossip) Notify(messages.Event) {}
func (gossip) EachConnection() bool  { return true }

// A connection that does not say who its peer is holds up nobody but itself: not the
// acceptor, which tells of it, nor the server's actor, which describes it.
func TestAPeerThatIsNotKnownYetHoldsUpNobody(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := quick()
	c.Subscribers = []messages.Subscriber{gossip{}}
	tr := grow(t, c, servers.HTTP(&http.Server{Handler: pumpHandler()}, servers.HTTPOptions{Listener: announced{ln}}))
	silent := dialLine(t, "tcp", ln.Addr().String())
	defer silent.Close()
	l := dialLine(t, "tcp", ln.Addr().String())
	l.send("PROXY\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err := http.ReadResponse(l.r, nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	status, err := tr.Inspect(t.Context(), messages.GetStatus{Each: 10})
	require.NoError(t, err)
	require.Len(t, status.Servers, 1)
	var peers []string
	for _, c := range status.Servers[0].Connections {
		peers = append(peers, c.Peer)
	}
	slices.Sort(peers)
	assert.Equal(t, []string{"", l.LocalAddr().String()}, peers)
	_ = l.Close()
	_ = silent.Close()
	require.NoError(t, tr.drained().Err())
}

// BaseContext gets the listener that serves, and is never called at the same time as
// for the stand-in.
func TestBaseContextGetsTheListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var got []net.Listener // the race detector would see two at once
	srv := &http.Server{Handler: pumpHandler(), BaseContext: func(l net.Listener) context.Context {
		got = append(got, l)
		return context.Background()
	}}
	tr := grow(t, quick(), servers.HTTP(srv, servers.HTTPOptions{Listener: ln}))
	l := dialLine(t, "tcp", ln.Addr().String())
	l.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_, err = http.ReadResponse(l.r, nil)
	require.NoError(t, err)
	_ = l.Close()
	require.NoError(t, tr.drained().Err())
	require.Len(t, got, 2)
	assert.Equal(t, ln, got[1])
}
