package servers_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2Client speaks frames: it does what a client may do, and writes down what it
// is answered.
type h2Client struct {
	nc      net.Conn
	writing sync.Mutex // of the framer and the encoder
	framer  *http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
	next    uint32
	mute    bool // it acknowledges no PING

	mu      sync.Mutex
	streams map[uint32]*h2Answer
	goAways []uint32 // last stream ids
	changed chan struct{}
	over    chan struct{}
	err     error // why reading ended
}

type h2Answer struct {
	status string
	body   []byte
	reset  bool
	code   http2.ErrCode
	done   bool
}

const finalGoAway = 1<<31 - 1

// dialH2 connects, over TLS if overTLS, and sends the preface.
func dialH2(t *testing.T, addr string, overTLS bool) *h2Client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	if overTLS {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	}
	return newH2Client(t, nc)
}

func newH2Client(t *testing.T, nc net.Conn) *h2Client {
	t.Helper()
	c := &h2Client{nc: nc, next: 1, streams: map[uint32]*h2Answer{}, changed: make(chan struct{}), over: make(chan struct{})}
	c.framer = http2.NewFramer(nc, nc)
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.encoder = hpack.NewEncoder(&c.block)
	_, err := io.WriteString(nc, http2.ClientPreface)
	require.NoError(t, err)
	require.NoError(t, c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}))
	require.NoError(t, c.framer.WriteWindowUpdate(0, 1<<28))
	t.Cleanup(func() { c.close() })
	return c
}

// listen starts to read what the server says.
func (c *h2Client) listen() *h2Client {
	go func() {
		defer close(c.over)
		for {
			f, err := c.framer.ReadFrame()
			if err != nil {
				c.note(func() { c.err = err })
				return
			}
			c.answer(f)
		}
	}()
	return c
}

func (c *h2Client) note(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *h2Client) answer(f http2.Frame) {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			c.write(func() error { return c.framer.WriteSettingsAck() })
		}
	case *http2.PingFrame:
		if !f.IsAck() && !c.mute {
			c.write(func() error { return c.framer.WritePing(true, f.Data) })
		}
	case *http2.GoAwayFrame:
		c.note(func() { c.goAways = append(c.goAways, f.LastStreamID) })
	case *http2.MetaHeadersFrame:
		c.note(func() {
			a := c.stream(f.StreamID)
			if s := f.PseudoValue("status"); s != "" {
				a.status = s
			}
			a.done = a.done || f.StreamEnded()
		})
	case *http2.DataFrame:
		c.note(func() {
			a := c.stream(f.StreamID)
			a.body = append(a.body, f.Data()...)
			a.done = a.done || f.StreamEnded()
		})
	case *http2.RSTStreamFrame:
		c.note(func() {
			a := c.stream(f.StreamID)
			a.reset, a.code = true, f.ErrCode
		})
	}
}

func (c *h2Client) stream(id uint32) *h2Answer {
	a := c.streams[id]
	if a == nil {
		a = &h2Answer{}
		c.streams[id] = a
	}
	return a
}

func (c *h2Client) write(f func() error) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return f()
}

// get opens a stream and asks for a path.
func (c *h2Client) get(path string) (id uint32, err error) {
	return c.request("GET", path, true)
}

func (c *h2Client) request(method, path string, endStream bool) (id uint32, err error) {
	err = c.write(func() error {
		id = c.next
		c.next += 2
		return c.framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, BlockFragment: c.headerBlock(method, path), EndHeaders: true, EndStream: endStream,
		})
	})
	return id, err
}

func (c *h2Client) headerBlock(method, path string) []byte {
	c.block.Reset()
	for _, f := range [][2]string{{":method", method}, {":scheme", "https"}, {":path", path}, {":authority", "test"}} {
		_ = c.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	return c.block.Bytes()
}

// until waits for something to be true of what has been answered.
func (c *h2Client) until(t *testing.T, what string, f func() bool) {
	t.Helper()
	timeout := time.After(10 * time.Second)
	for {
		c.mu.Lock()
		ok, changed := f(), c.changed
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-c.over:
			c.mu.Lock()
			defer c.mu.Unlock()
			require.True(t, f(), "%s: the connection has ended: %v", what, c.err)
			return
		case <-timeout:
			require.Fail(t, "not in time", "%s", what)
		}
	}
}

// fetch asks for a path and waits for the answer.
func (c *h2Client) fetch(t *testing.T, path string) *h2Answer {
	t.Helper()
	id, err := c.get(path)
	require.NoError(t, err)
	c.until(t, "the answer to "+path, func() bool { return c.stream(id).done || c.stream(id).reset })
	return c.streams[id]
}

// final is the last stream id of the last GOAWAY, -1 if none has come.
func (c *h2Client) final() int64 {
	if len(c.goAways) == 0 || c.goAways[len(c.goAways)-1] == finalGoAway {
		return -1
	}
	return int64(c.goAways[len(c.goAways)-1])
}

func (c *h2Client) close() { _ = c.nc.Close() }

// fate is what became of the streams a client opened.
type fate struct{ answered, refused, lost int }

// fates says of each stream whether it was answered in full, was refused (by
// RST_STREAM, or by a GOAWAY that names an earlier one as the last), or is lost.
func (c *h2Client) fates(opened []uint32, want string) (f fate, firstLost error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range opened {
		a := c.stream(id)
		switch {
		case a.done && a.status == "200" && string(a.body) == want:
			f.answered++
		case a.reset && a.code == http2.ErrCodeRefusedStream && !a.done:
			f.refused++
		case c.final() >= 0 && int64(id) > c.final() && !a.done && a.status == "":
			f.refused++
		default:
			f.lost++
			if firstLost == nil {
				firstLost = fmt.Errorf("stream %d of %d: status %q, %d bytes, reset %v (%v), GOAWAYs %v, the connection ended with %w",
					id, c.next, a.status, len(a.body), a.reset, a.code, c.goAways, errors.Join(c.err))
			}
		}
	}
	return f, firstLost
}
