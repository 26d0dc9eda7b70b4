package reliability

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

var (
	soakFor   = flag.Duration("soak.for", 10*time.Second, "how long the soak lasts")
	soakEvery = flag.Duration("soak.every", 2*time.Second, "how often the server is restarted; the long form: 1m")
)

// TestSoak restarts a server on the same port again and again, behind a balancer
// that repeats what was not taken, under load of several kinds: nothing is lost
// end to end, and neither memory nor descriptors grow.
func TestSoak(t *testing.T) { soak(t, false) }

// TestSoakOverlapping has the next server up, on the same port (SO_REUSEPORT),
// before the old one drains: nothing is refused either.
func TestSoakOverlapping(t *testing.T) { soak(t, true) }

func soak(t *testing.T, overlap bool) {
	_ = listenLocal(t).Close() // the runtime opens a few for itself
	before := descriptors()
	site := newHouse(t, overlap)
	first := site.open()
	balancer := newBalancer(t, site.addr, overlap)
	ctx, cancel := context.WithTimeout(context.Background(), *soakFor)
	defer cancel()
	var load sync.WaitGroup
	tell := &soaked{T: t}
	for i := range 16 {
		load.Go(func() { tell.requests(ctx, balancer.addr, uint64(i)) })
	}
	for range 4 {
		load.Go(func() { tell.messages(ctx, balancer.addr) })
	}
	var reach [2][]int64 // memory, descriptors
	restarts := 0
	for h := first; ; restarts++ {
		select {
		case <-ctx.Done():
		case <-time.After(*soakEvery): // the life of one server
		}
		var next *drain.Handle
		if overlap && ctx.Err() == nil {
			next = site.open()
		}
		last := ctx.Err() != nil && next == nil
		if last {
			load.Wait() // whoever still waits for a server gets one
		}
		report, err := h.Shutdown(context.Background())
		assert.NoError(t, err, report.String())
		if last {
			break
		}
		reach[0], reach[1] = append(reach[0], memory()), append(reach[1], int64(descriptors()))
		if h = next; h == nil {
			h = site.open()
		}
	}
	balancer.close()
	t.Logf("%s, %d restarts: %d requests and %d messages answered, %d repeated by the balancer, %d told to repeat; lost %d, refused %d",
		*soakFor, restarts, tell.answered.Load(), tell.echoed.Load(), balancer.repeated.Load(), tell.farewells.Load(),
		tell.lost.Load(), balancer.refused.Load())
	if n := len(reach[0]); n > 1 {
		t.Logf("memory %.1f to %.1f MiB, descriptors %d to %d", float64(reach[0][0])/(1<<20), float64(reach[0][n-1])/(1<<20), reach[1][0], reach[1][n-1])
		assert.Less(t, reach[0][n-1], reach[0][0]+32<<20, "memory is flat")
		assert.Less(t, reach[1][n-1], reach[1][0]+160, "descriptors are flat, but for 20 clients that may be coming back")
	}
	eventually(t, "descriptors are what they were", func() bool { return descriptors() <= before })
	assert.Zero(t, tell.lost.Load())
	if overlap {
		assert.Zero(t, balancer.refused.Load())
	}
	assert.Positive(t, tell.answered.Load())
}

// house is where the server lives: one address for all of its lives.
type house struct {
	*testing.T
	addr    string
	overlap bool
}

func newHouse(t *testing.T, overlap bool) *house {
	h := &house{T: t, overlap: overlap}
	ln := listenLocal(t)
	h.addr = ln.Addr().String()
	require.NoError(t, ln.Close())
	return h
}

func (h *house) open() *drain.Handle {
	srv := &http.Server{Addr: h.addr, Handler: soakHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	o := servers.HTTPOptions{Name: "soak"}
	o.ReusePort = h.overlap
	c := drain.Config{Logger: quietLogger, Signals: []os.Signal{}}
	c.IdleGrace = 200 * time.Millisecond
	handle, err := c.Start(context.Background(), servers.HTTP(srv, o))
	require.NoError(h, err)
	return handle
}

func soakHandler() http.Handler {
	s := &site{world: &world{over: make(chan struct{})}}
	return s.handler()
}

// balancer is a TCP balancer with one server behind it: what the server refuses
// waits for the next one.
type balancer struct {
	ln       net.Listener
	addr     string
	behind   string
	overlap  bool
	repeated atomic.Int64
	refused  atomic.Int64
	conns    sync.WaitGroup
}

func newBalancer(t *testing.T, behind string, overlap bool) *balancer {
	b := &balancer{ln: listenLocal(t), behind: behind, overlap: overlap}
	b.addr = b.ln.Addr().String()
	b.conns.Go(func() {
		for {
			nc, err := b.ln.Accept()
			if err != nil {
				return
			}
			b.conns.Go(func() { b.pass(nc.(*net.TCPConn)) })
		}
	})
	return b
}

func (b *balancer) close() {
	_ = b.ln.Close()
	b.conns.Wait()
}

func (b *balancer) pass(client *net.TCPConn) {
	defer client.Close()
	var server net.Conn
	for began := time.Now(); ; b.repeated.Add(1) {
		var err error
		if server, err = net.Dial("tcp", b.behind); err == nil {
			break
		}
		b.refused.Add(1)
		if time.Since(began) > patience {
			return
		}
		time.Sleep(10 * time.Millisecond) // between two attempts: no event tells that the next server is up
	}
	defer server.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(client, server)
	_ = client.CloseWrite()
	<-done
}

// soaked counts what clients see.
type soaked struct {
	*testing.T
	answered, echoed, farewells, lost atomic.Int64
}

func (s *soaked) miss(format string, args ...any) {
	s.lost.Add(1)
	s.Logf("lost: "+format, args...)
}

// requests is a client with a connection that it uses for as long as it may.
func (s *soaked) requests(ctx context.Context, addr string, seed uint64) {
	d := dice{rand.New(rand.NewPCG(seed, 2))}
	for ctx.Err() == nil {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			s.miss("dial: %v", err)
			return
		}
		_ = nc.SetDeadline(time.Now().Add(2**soakEvery + patience))
		r := bufio.NewReader(nc)
		for again := true; again && ctx.Err() == nil; {
			again = s.request(nc, r, d)
			time.Sleep(d.upTo(20 * time.Millisecond)) // a client that thinks
		}
		_ = nc.Close()
	}
}

func (s *soaked) request(nc net.Conn, r *bufio.Reader, d dice) (again bool) {
	body := fmt.Sprint(d.IntN(1e9))
	_, sent := io.WriteString(nc, post(body, d.IntN(20)))
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		s.miss("request: %v (sent: %v)", err, sent)
		return false
	}
	got, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		s.miss("answer: %v", err)
		return false
	case resp.StatusCode == http.StatusRequestTimeout:
		s.farewells.Add(1)
		return false
	case string(got) != body:
		s.Errorf("a wrong answer: %q, not %q", got, body)
	}
	s.answered.Add(1)
	return !resp.Close
}

// messages is a client with a WebSocket; it comes back when it is told to go.
func (s *soaked) messages(ctx context.Context, addr string) {
	for ctx.Err() == nil {
		ws, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/ws", nil)
		if err != nil {
			s.miss("WebSocket: %v", err)
			return
		}
		for ctx.Err() == nil {
			_ = ws.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 1000)))
			if _, _, err := ws.ReadMessage(); err != nil {
				if !websocket.IsCloseError(err, 1001) {
					s.miss("WebSocket: %v", err)
				}
				break
			}
			s.echoed.Add(1)
			time.Sleep(5 * time.Millisecond) // a client that thinks
		}
		_ = ws.Close()
	}
}
