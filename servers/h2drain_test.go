package servers_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// h2Rig is a managed server that speaks HTTP/2.
type h2Rig struct {
	*drain.Handle
	addr    string
	overTLS bool
	srv     *http.Server
}

var certificate = sync.OnceValue(func() []tls.Certificate {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	return s.TLS.Certificates
})

// h2Server is a server that speaks HTTP/2 over TLS or without.
func h2Server(h http.Handler, overTLS bool) *http.Server {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(overTLS)
	p.SetUnencryptedHTTP2(!overTLS)
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: h, Protocols: &p, ErrorLog: log.New(io.Discard, "", 0)}
	if overTLS {
		srv.TLSConfig = &tls.Config{Certificates: certificate()}
	}
	return srv
}

func serveH2(t *testing.T, srv *http.Server, overTLS bool, c drain.Config) *h2Rig {
	t.Helper()
	c.Signals, c.Logger = []os.Signal{}, slog.New(slog.DiscardHandler)
	h, err := c.Start(context.Background(), servers.HTTP(srv))
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = h.ForceShutdown(context.Background()) })
	r := &h2Rig{Handle: h, overTLS: overTLS, srv: srv}
	for _, r.addr = range h.Addrs() {
	}
	return r
}

// drains shuts down and returns how long it took.
func (r *h2Rig) drains(t *testing.T) (drain.Report, time.Duration) {
	t.Helper()
	start := time.Now()
	report, err := r.Shutdown(context.Background())
	took := time.Since(start)
	assert.NoError(t, err, "%v", report)
	return report, took
}

const answer = "answered in full"

// slow answers after ms milliseconds.
func slow(w http.ResponseWriter, r *http.Request) {
	ms, _ := strconv.Atoi(r.URL.Query().Get("ms"))
	timer := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		_, _ = io.WriteString(w, answer)
	case <-r.Context().Done():
	}
}

func bothH2(t *testing.T, f func(t *testing.T, overTLS bool)) {
	t.Run("TLS", func(t *testing.T) { f(t, true) })
	t.Run("h2c", func(t *testing.T) { f(t, false) })
}

func long(short, long int) int {
	if os.Getenv("DRAIN_LONG") != "" {
		return long
	}
	return short
}

// 100 streams are in flight and one more is opened every millisecond while the
// shutdown begins. A polite client opens none after the first GOAWAY, a stubborn
// one goes on until the connection ends.
func TestH2LosesNoStreamAroundTheShutdown(t *testing.T) {
	bothH2(t, func(t *testing.T, overTLS bool) {
		for _, polite := range []bool{true, false} {
			t.Run(map[bool]string{true: "polite", false: "stubborn"}[polite], func(t *testing.T) {
				var sum fate
				for range long(5, 50) {
					f := streamsAroundShutdown(t, overTLS, polite)
					sum.answered += f.answered
					sum.refused += f.refused
					sum.lost += f.lost
				}
				t.Logf("answered %d, refused %d, lost %d", sum.answered, sum.refused, sum.lost)
				assert.Zero(t, sum.lost)
				if polite {
					assert.Zero(t, sum.refused, "streams that crossed the first GOAWAY are served")
				}
			})
		}
	})
}

func streamsAroundShutdown(t *testing.T, overTLS, polite bool) fate {
	r := serveH2(t, h2Server(http.HandlerFunc(slow), overTLS), overTLS, drain.Config{Timeout: 10 * time.Second})
	c := dialH2(t, r.addr, overTLS).listen()
	var opened []uint32
	for i := range 100 {
		id, err := c.get(fmt.Sprintf("/?ms=%d", 100+2*i))
		require.NoError(t, err)
		opened = append(opened, id)
	}
	drained := make(chan struct{})
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		if i == 50 {
			go func() {
				defer close(drained)
				r.drains(t)
			}()
		}
		if polite {
			c.mu.Lock()
			told := len(c.goAways) > 0
			c.mu.Unlock()
			if told {
				break
			}
		}
		id, err := c.get("/?ms=20")
		if err != nil {
			break // the connection has ended
		}
		opened = append(opened, id)
		select {
		case <-tick.C:
			continue
		case <-c.over:
		}
		break
	}
	<-c.over
	c.close()
	<-drained
	f, err := c.fates(opened, answer)
	assert.NoError(t, err)
	assert.Positive(t, f.answered)
	return f
}

func TestH2IdleClientThatClosesOnGoAwayHoldsNothingUp(t *testing.T) {
	bothH2(t, func(t *testing.T, overTLS bool) {
		for _, used := range []bool{true, false} {
			r := serveH2(t, h2Server(http.HandlerFunc(slow), overTLS), overTLS, drain.Config{})
			c := dialH2(t, r.addr, overTLS).listen()
			if used {
				c.fetch(t, "/")
			}
			c.until(t, "the server's settings", func() bool { return true })
			closed := make(chan struct{})
			go func() {
				defer close(closed)
				c.until(t, "a GOAWAY", func() bool { return len(c.goAways) > 0 })
				c.close()
			}()
			report, took := r.drains(t)
			<-closed
			assert.Less(t, took, 100*time.Millisecond*slack, "used %v: %v", used, report)
		}
	})
}

func TestH2IdleClientThatStaysHoldsNothingUpBeyondTheGrace(t *testing.T) {
	const grace = time.Second
	bothH2(t, func(t *testing.T, overTLS bool) {
		for _, mute := range []bool{true, false} {
			r := serveH2(t, h2Server(http.HandlerFunc(slow), overTLS), overTLS, drain.Config{})
			c := dialH2(t, r.addr, overTLS)
			c.mute = mute
			c.listen().fetch(t, "/")
			report, took := r.drains(t)
			assert.LessOrEqual(t, took, grace+(slack-1)*200*time.Millisecond, "mute %v: %v", mute, report)
			c.until(t, "the last GOAWAY", func() bool { return c.final() == 1 })
			<-c.over
			assert.Equal(t, io.EOF, c.err, "not reset")
		}
	})
}

// Its request is served, and it is told to go.
func TestH2HandshakeThatEndsInTheDrainIsServedAndTold(t *testing.T) {
	for _, asks := range []bool{true, false} {
		r := serveH2(t, h2Server(http.HandlerFunc(slow), true), true, drain.Config{})
		nc, err := net.Dial("tcp", r.addr)
		require.NoError(t, err)
		held := dialH2(t, r.addr, true).listen()
		held.fetch(t, "/") // both are accepted
		blocker, err := held.get("/?ms=300")
		require.NoError(t, err)

		drained := make(chan time.Duration, 1)
		go func() {
			_, took := r.drains(t)
			drained <- took
		}()
		held.until(t, "the drain", func() bool { return len(held.goAways) > 0 })
		c := newH2Client(t, tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})).listen()
		if asks {
			a := c.fetch(t, "/?ms=20")
			assert.Equal(t, answer, string(a.body))
		}
		c.until(t, "the GOAWAYs", func() bool { return c.final() >= 0 })
		assert.Equal(t, uint32(finalGoAway), c.goAways[0])
		<-c.over
		c.close()
		held.until(t, "the other's answer", func() bool { return held.stream(blocker).done })
		held.close()
		assert.Less(t, <-drained, time.Second*slack)
	}
}

// A request of which only half arrives does not hold the shutdown up to its
// deadline, and its client learns that it was not processed.
func TestH2HalfARequestIsToldThatItWasNotProcessed(t *testing.T) {
	bothH2(t, func(t *testing.T, overTLS bool) {
		r := serveH2(t, h2Server(http.HandlerFunc(slow), overTLS), overTLS, drain.Config{Timeout: 10 * time.Second, IdleGrace: 100 * time.Millisecond})
		c := dialH2(t, r.addr, overTLS)
		c.mute = true // an answer would stand in the middle of the header block
		c.listen()
		c.fetch(t, "/")
		require.NoError(t, c.write(func() error {
			return c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: c.headerBlock("GET", "/")})
		}))
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			<-c.over
			c.close()
		}()
		_, took := r.drains(t)
		<-closed
		assert.Less(t, took, 500*time.Millisecond*slack)
		assert.LessOrEqual(t, c.final(), int64(2))
		assert.GreaterOrEqual(t, c.final(), int64(1))
	})
}

func TestH2KilledConnectionNamesItsOldestRequest(t *testing.T) {
	bothH2(t, func(t *testing.T, overTLS bool) {
		release := make(chan struct{})
		defer close(release)
		stuck := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				<-release
			}
		}
		r := serveH2(t, h2Server(http.HandlerFunc(stuck), overTLS), overTLS, drain.Config{Timeout: time.Second})
		c := dialH2(t, r.addr, overTLS).listen()
		_, err := c.get("/oldest?a=secret")
		require.NoError(t, err)
		c.fetch(t, "/")
		_, err = c.get("/younger")
		require.NoError(t, err)
		c.fetch(t, "/")
		start := time.Now()
		report, err := r.Shutdown(context.Background())
		assert.ErrorIs(t, err, drain.ErrCut)
		assert.Less(t, time.Since(start), time.Second*slack)
		s := report.Servers[0]
		assert.Equal(t, 2, s.Lost, "%v", report)
		assert.Equal(t, 2, s.Running)
		if assert.Len(t, s.Stragglers, 1) {
			assert.Equal(t, "GET /oldest", s.Stragglers[0].Request)
			assert.Equal(t, "HTTP/2.0", s.Stragglers[0].Protocol)
		}
	})
}

// A handler that says "Connection: close" has the HTTP/2 server go away at once:
// what crosses its GOAWAY is refused, not ignored.
func TestH2StreamAfterTheLastGoAwayIsRefused(t *testing.T) {
	bothH2(t, func(t *testing.T, overTLS bool) {
		srv := h2Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/close" {
				w.Header().Set("Connection", "close")
			}
			slow(w, r)
		}), overTLS)
		r := serveH2(t, srv, overTLS, drain.Config{})
		c := dialH2(t, r.addr, overTLS).listen()
		_, err := c.get("/?ms=500") // keeps the connection
		require.NoError(t, err)
		assert.Equal(t, answer, string(c.fetch(t, "/close").body))
		c.until(t, "the GOAWAY", func() bool { return c.final() == 3 })
		a := c.fetch(t, "/")
		assert.True(t, a.reset)
		assert.Equal(t, http2.ErrCodeRefusedStream, a.code)
		c.until(t, "the first answer", func() bool { return c.stream(1).done })
		assert.Equal(t, answer, string(c.streams[1].body))
		c.close()
		r.drains(t)
	})
}

// What is no stream is no work: a client that only keeps its connection alive is
// idle, and is let go as one.
func TestH2PingsAreNotWork(t *testing.T) {
	r := serveH2(t, h2Server(http.HandlerFunc(slow), false), false, drain.Config{})
	c := dialH2(t, r.addr, false).listen()
	c.fetch(t, "/")
	stop := make(chan struct{})
	var pinging sync.WaitGroup
	pinging.Add(1)
	go func() {
		defer pinging.Done()
		for {
			select {
			case <-stop:
				return
			case <-c.over:
				c.close()
				return
			default:
			}
			_ = c.write(func() error { return c.framer.WritePing(false, [8]byte{1}) })
			_ = c.write(func() error { return c.framer.WriteWindowUpdate(0, 1) })
			_ = c.write(func() error { return c.framer.WriteSettings() })
		}
	}()
	for _, n := range r.Gauges().Servers() {
		assert.Zero(t, n.Busy)
	}
	_, took := r.drains(t)
	close(stop)
	pinging.Wait()
	assert.Less(t, took, time.Second*slack)
}
