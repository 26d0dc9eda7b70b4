package servers_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// h2Asker is an HTTP/2 client that allocates the same for each request.
type h2Asker struct {
	net.Conn
	t      testing.TB
	framer *http2.Framer
	block  []byte
	stream uint32
}

func dialH2Asker(t testing.TB, addr string) *h2Asker {
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	_, err = io.WriteString(nc, http2.ClientPreface)
	require.NoError(t, err)
	c := &h2Asker{Conn: nc, t: t, framer: http2.NewFramer(nc, bufio.NewReader(nc)), stream: 1}
	c.framer.SetReuseFrames()
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	e.SetMaxDynamicTableSize(0)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "test"}} {
		require.NoError(t, e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	c.block = block.Bytes()
	require.NoError(t, c.framer.WriteSettings())
	require.NoError(t, c.framer.WriteWindowUpdate(0, 1<<28))
	return c
}

func (c *h2Asker) ask() {
	p := http2.HeadersFrameParam{StreamID: c.stream, BlockFragment: c.block, EndHeaders: true, EndStream: true}
	c.stream += 2
	require.NoError(c.t, c.framer.WriteHeaders(p))
	for {
		f, err := c.framer.ReadFrame()
		require.NoError(c.t, err)
		if d, ok := f.(*http2.DataFrame); ok && d.StreamEnded() {
			return
		}
	}
}

func TestAnHTTP2RequestCostsTwoAllocations(t *testing.T) {
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	bare := &http.Server{Handler: pumpHandler(), Protocols: &h2c}
	served := make(chan struct{})
	go func() {
		_ = bare.Serve(ln)
		close(served)
	}()
	t.Cleanup(func() {
		_ = bare.Close()
		<-served
	})
	tree := grow(t, drain.Config{Timeout: 5 * time.Second, Logger: quietLogger},
		servers.HTTP(&http.Server{Addr: "127.0.0.1:0", Handler: pumpHandler(), Protocols: &h2c}))

	without := allocations(dialH2Asker(t, ln.Addr().String()).ask)
	with := allocations(dialH2Asker(t, tree.addr("http")).ask)
	t.Logf("allocations a request: net/http %.2f, managed %.2f", without, with)
	require.LessOrEqual(t, with-without, 2+0.2)
}
