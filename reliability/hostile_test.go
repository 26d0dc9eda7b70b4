package reliability

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

var hostilePeers = flag.Int("hostile.peers", 500, "how many peers that say nothing")

// A peer that means harm may hold a drain for its bound, and no longer:
// IdleGrace for what is no request yet, twice that for a header that drips,
// IdleGrace and Linger for who takes nothing, CloseTimeout for who does not
// answer a close frame, Timeout for a request in progress.
const (
	hostileTimeout = 1500 * time.Millisecond
	hostileGrace   = 100 * time.Millisecond
	hostileLinger  = 100 * time.Millisecond
	hostileClose   = 200 * time.Millisecond
)

// hostile is one kind of peer.
type hostile struct {
	name   string
	tls    bool
	crowd  bool // many of them, in a process of their own
	attack func(c *attacker)
	bound  time.Duration // how long it may hold a drain
	cut    bool          // the drain has to cut it
}

const soon = hostileGrace + hostileLinger

// netHTTPs is how long net/http itself waits before it closes a connection behind
// an answer that the peer may not have read.
const netHTTPs = 500 * time.Millisecond

var hostiles = []hostile{
	{name: "says nothing", crowd: true, bound: soon},
	{name: "says nothing over TLS", tls: true, crowd: true, bound: soon},
	{name: "half a TLS hello", tls: true, attack: func(c *attacker) { c.raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") }, bound: soon},
	{name: "drips a TLS hello", tls: true, attack: func(c *attacker) { c.nc = c.sock; c.raw("\x16\x03\x01\x02\x00"); c.drip() }, bound: 2*hostileGrace + hostileLinger},
	{name: "half a header", attack: func(c *attacker) { c.raw("GET / HT") }, bound: soon},
	{name: "drips a header", attack: func(c *attacker) { c.raw("GET /hello HTTP/1.1\r\nX: "); c.drip() }, bound: 2*hostileGrace + hostileLinger},
	{name: "drips a header over TLS", tls: true, attack: func(c *attacker) { c.say("GET /hello HTTP/1.1\r\nX: "); c.drip() }, bound: 2*hostileGrace + hostileLinger},
	{name: "a huge header", attack: func(c *attacker) {
		c.raw("GET / HTTP/1.1\r\nHost: x\r\nX: " + string(bytes.Repeat([]byte("x"), 2<<20)))
	}, bound: soon + netHTTPs},
	{name: "drips a body", attack: func(c *attacker) {
		c.say("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
		c.drip()
	}, bound: hostileTimeout, cut: true},
	{name: "reads a byte at a time", attack: func(c *attacker) { c.say("GET /big HTTP/1.1\r\nHost: x\r\n\r\n"); c.sip() }, bound: hostileTimeout, cut: true},
	{name: "reads nothing of a large answer", attack: func(c *attacker) { c.say("GET /big HTTP/1.1\r\nHost: x\r\n\r\n") }, bound: hostileTimeout, cut: true},
	{name: "reads nothing of a small answer", attack: func(c *attacker) { c.say("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n") }, bound: soon},
	{name: "half-closes", attack: func(c *attacker) {
		c.say("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
		_ = c.sock.CloseWrite()
	}, bound: soon},
	{name: "resets after connecting", attack: func(c *attacker) { c.reset() }, bound: soon},
	{name: "resets in a header", attack: func(c *attacker) { c.raw("GET /hel"); c.reset() }, bound: soon},
	{name: "resets in a body", attack: func(c *attacker) {
		c.say("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nxx")
		c.reset()
	}, bound: soon + netHTTPs},
	{name: "resets in an answer", attack: func(c *attacker) { c.say("GET /big HTTP/1.1\r\nHost: x\r\n\r\n"); c.read(1000); c.reset() }, bound: soon},
	{name: "resets after an answer", attack: func(c *attacker) { c.say("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"); c.read(100); c.reset() }, bound: soon},
	{name: "WebSocket: never answers", attack: func(c *attacker) { c.webSocket() }, bound: hostileClose + soon},
	{name: "WebSocket: lies about a length", attack: func(c *attacker) {
		c.webSocket()
		c.raw("\x82\xff" + string(binary.BigEndian.AppendUint64(nil, 1<<62)) + "mask")
	}, bound: hostileClose + soon + hostileGrace},
	{name: "WebSocket: floods pings", attack: func(c *attacker) { c.webSocket(); c.flood([]byte("\x89\x80mask")) }, bound: hostileTimeout},
	{name: "WebSocket: sends after its close frame", attack: func(c *attacker) {
		c.webSocket()
		c.raw("\x88\x80mask")
		c.flood([]byte("\x82\x81maskx"))
	}, bound: hostileClose + soon},
	{name: "WebSocket: stops in a frame", attack: func(c *attacker) { c.webSocket(); c.raw("\x82\x85maskab") }, bound: hostileClose + soon + hostileGrace},
	{name: "HTTP/2: a preface and nothing", attack: func(c *attacker) { c.raw(http2.ClientPreface) }, bound: soon},
	{name: "HTTP/2: rapid reset", attack: (*attacker).rapidReset, bound: soon},
	{name: "HTTP/2: settings flood", attack: func(c *attacker) {
		c.raw(http2.ClientPreface)
		c.flood([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
	}, bound: soon + hostileGrace},
	{name: "HTTP/2: half a frame", attack: func(c *attacker) { c.raw(http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x10") }, bound: 2*hostileGrace + hostileLinger + hostileGrace},
	{name: "HTTP/2: headers without an end", attack: func(c *attacker) {
		c.raw(http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		c.raw("\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82")
	}, bound: 2*hostileGrace + hostileLinger + hostileGrace},
}

func TestHostilePeersHoldADrainForTheirBoundAndNoLonger(t *testing.T) {
	for _, h := range hostiles {
		t.Run(h.name, func(t *testing.T) { h.run(t) })
	}
}

func (h hostile) run(t *testing.T) {
	system := quietSystem()
	before := takeCensus(system)
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: hostileHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true)
	if h.tls {
		srv.Protocols.SetHTTP2(true)
		srv.TLSConfig = serverTLS()
	} else {
		srv.Protocols.SetUnencryptedHTTP2(true)
	}
	c := drain.Config{Timeout: hostileTimeout, Logger: quietLogger, Signals: []os.Signal{}, System: system}
	c.IdleGrace, c.Linger, c.CloseTimeout = hostileGrace, hostileLinger, hostileClose
	handle, err := c.Start(context.Background(), servers.HTTP(srv, servers.HTTPOptions{Name: "h"}))
	require.NoError(t, err)
	addr := handle.Addrs()["h"]

	n := 10
	empty := memory()
	attackers := &attackers{over: make(chan struct{})}
	if h.crowd {
		n = *hostilePeers
		attackers.crowd = startPeers(t, addr, n)
	} else {
		for range n {
			attackers.attack(t, addr, h)
		}
	}
	eventually(t, "all are accepted", func() bool { return handle.Gauges().Servers()["h"].Accepted >= int64(n) })
	time.Sleep(50 * time.Millisecond) // time is the subject: what drips has begun to
	cost := (memory() - empty) / int64(n)
	report, err := handle.Shutdown(context.Background())
	attackers.leave()
	t.Logf("%d peers: drained in %s (bound %s), %.1f KiB each%s: %+v", n, report.Took.Round(time.Millisecond), h.bound,
		float64(cost)/1024, map[bool]string{false: ", both ends"}[h.crowd], brief(report))
	assert.Less(t, report.Took, h.bound+800*time.Millisecond+time.Duration(n)*200*time.Microsecond)
	if h.cut {
		require.ErrorIs(t, err, drain.ErrCut)
	} else {
		require.NoError(t, err)
	}
	settled(t, system, before)
}

func brief(r drain.Report) string {
	s := r.Sum()
	return fmt.Sprintf("%d drained, %d unanswered, %d killed, %d lost", s.Drained, s.Unanswered, s.Killed, s.Lost)
}

// memory is what is alive on the heap, and the stacks. What pools kept of the test
// before is gone after two collections.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func hostileHandler() http.Handler {
	s := &site{world: &world{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 32<<20)) })
	mux.HandleFunc("/upload", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	mux.HandleFunc("/ws", s.echoMessages)
	return mux
}

// attackers are the hostile peers of one server.
type attackers struct {
	over  chan struct{}
	all   sync.WaitGroup
	crowd *peers
}

func (all *attackers) attack(t *testing.T, addr string, h hostile) {
	a := &attacker{over: all.over}
	require.NoError(t, a.dial(addr, h))
	all.all.Go(func() {
		h.attack(a)
		<-all.over
		_ = a.sock.Close()
	})
}

func (all *attackers) leave() {
	close(all.over)
	all.all.Wait()
	if all.crowd != nil {
		all.crowd.leave()
	}
}

// attacker is one hostile peer.
type attacker struct {
	sock *net.TCPConn
	nc   net.Conn
	over chan struct{}
}

func (a *attacker) dial(addr string, h hostile) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	a.sock, a.nc = nc.(*net.TCPConn), nc
	if h.tls {
		a.nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	return nil
}

// raw goes below TLS.
func (a *attacker) raw(s string) { _, _ = io.WriteString(a.sock, s) }

func (a *attacker) say(s string) { _, _ = io.WriteString(a.nc, s) }

func (a *attacker) read(n int64) { _, _ = io.CopyN(io.Discard, a.nc, n) }

func (a *attacker) reset() {
	_ = a.sock.SetLinger(0)
	_ = a.sock.Close()
}

// drip sends a byte now and then, for ever.
func (a *attacker) drip() {
	for a.pause() {
		if _, err := io.WriteString(a.nc, "x"); err != nil {
			return
		}
	}
}

// sip reads a byte now and then.
func (a *attacker) sip() {
	for b := make([]byte, 1); a.pause(); {
		if _, err := a.nc.Read(b); err != nil {
			return
		}
	}
}

func (a *attacker) pause() bool {
	select {
	case <-a.over:
		return false
	case <-time.After(20 * time.Millisecond): // slowness is the subject
		return true
	}
}

// flood sends the same thing without a pause, and reads nothing.
func (a *attacker) flood(p []byte) {
	many := bytes.Repeat(p, 1000)
	for {
		_ = a.sock.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := a.sock.Write(many); err != nil {
			return
		}
		select {
		case <-a.over:
			return
		default:
		}
	}
}

func (a *attacker) webSocket() {
	a.say("GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	a.read(100)
}

// rapidReset opens streams and resets them at once (CVE-2023-44487).
func (a *attacker) rapidReset() {
	a.raw(http2.ClientPreface)
	fr := http2.NewFramer(a.sock, nil)
	_ = fr.WriteSettings()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/hello"}, {":authority", "x"}} {
		_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	_ = a.sock.SetWriteDeadline(time.Now().Add(time.Second))
	for id := uint32(1); id < 5000; id += 2 {
		if fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}) != nil {
			return
		}
		if fr.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			return
		}
	}
}
