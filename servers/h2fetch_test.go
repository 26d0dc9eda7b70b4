package servers_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/godrain/drain"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

// A response whose last byte is with the kernel when the drain begins is not cut while
// its client fetches it, however short the grace; on a TLS listener of the user's as
// well, and if it fetches in bursts. The client's WINDOW_UPDATEs would make a reset of the
// close. How slowly it fetches is the subject: hence the sleeps.
func TestH2AResponseThatIsBeingFetchedIsNotCut(t *testing.T) {
	const size, chunk, pace = 1 << 20, 16 << 10, 5 * time.Millisecond
	for _, c := range []struct {
		name             string
		overTLS, theUser bool
		pause            time.Duration
	}{
		{"TLS", true, false, 0},
		{"h2c", false, false, 0},
		{"TLS of the user's", true, true, 0},
		{"h2c, in bursts", false, false, 500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv := h2Server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) }), c.overTLS)
			var options servers.HTTPOptions
			if c.theUser {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				options.Listener = tls.NewListener(ln, &tls.Config{Certificates: certificate(), NextProtos: []string{"h2"}})
				srv.TLSConfig = nil
			}
			config := drain.Config{Timeout: 10 * time.Second, Signals: []os.Signal{}, Logger: slog.New(slog.DiscardHandler)}
			config.IdleGrace, config.Linger = 50*time.Millisecond, 100*time.Millisecond
			tree, err := config.Start(context.Background(), servers.HTTP(srv, options))
			require.NoError(t, err)
			t.Cleanup(func() { _, _ = tree.ForceShutdown(context.Background()) })
			var addr string
			for _, addr = range tree.Addrs() {
			}

			nc, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			require.NoError(t, nc.(*net.TCPConn).SetReadBuffer(64<<10))
			if c.overTLS {
				nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
			}
			client := newH2Client(t, nc)
			_, err = client.get("/")
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				for _, n := range tree.Gauges().Servers() {
					return n.Requests == 1 && n.Busy == 0
				}
				return false
			}, 5*time.Second, time.Millisecond, "the response is not with the kernel")

			fetched := make(chan int, 1)
			go func() {
				n := 0
				defer func() { fetched <- n }()
				for {
					f, err := client.framer.ReadFrame()
					if err != nil {
						assert.ErrorIs(t, err, io.EOF)
						return
					}
					switch f := f.(type) {
					case *http2.DataFrame:
						if before := n; before < size/2 && before+len(f.Data()) >= size/2 {
							time.Sleep(c.pause)
						}
						n += len(f.Data())
						_ = client.framer.WriteWindowUpdate(0, chunk)
						time.Sleep(pace)
					default:
						client.answer(f)
					}
				}
			}()
			report, err := tree.Shutdown(context.Background())
			assert.NoError(t, err, "%v", report)
			assert.Equal(t, size, <-fetched)
			assert.Less(t, report.Took, 5*time.Second)
			assert.Equal(t, 1, report.Sum().Drained)
		})
	}
}

// A client that has stopped fetching is not waited for until the deadline. It misses a
// part of its response, and nobody says that it does not.
func TestH2WhoStopsFetchingHasLostItsResponse(t *testing.T) {
	srv := h2Server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }), false)
	config := quick()
	config.Timeout, config.CloseTimeout = 20*time.Second, 300*time.Millisecond
	tr := grow(t, config, servers.HTTP(srv, servers.HTTPOptions{Name: "s"}))
	nc, err := net.Dial("tcp", tr.addr("s"))
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.(*net.TCPConn).SetReadBuffer(64<<10))
	client := newH2Client(t, nc)
	_, err = client.get("/")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		n := tr.Gauges().Servers()["s"]
		return n.Requests == 1 && n.Busy == 0
	}, 5*time.Second, time.Millisecond, "the response is not with the kernel")
	report, err := tr.Shutdown(t.Context())
	require.ErrorIs(t, err, drain.ErrCut)
	assert.Equal(t, []int{0, 1, 1}, []int{report.Sum().Drained, report.Sum().Unanswered, report.Sum().Lost}, report)
	assert.Less(t, report.Took, 9*time.Second)
}

// A client that takes nothing, and has never asked for anything, has lost nothing: what it
// misses are the answers to its PINGs (RFC 9113, section 6.7).
func TestH2WhoTakesNothingAndAskedForNothingHasLostNothing(t *testing.T) {
	const pings, ping = 5000, "\x00\x00\x08\x06\x00\x00\x00\x00\x00 a ping " // net/http gives up at 10,000 that it owes
	config := quick()
	config.Timeout, config.CloseTimeout = 20*time.Second, 300*time.Millisecond
	tr := grow(t, config, servers.HTTP(h2Server(http.HandlerFunc(slow), false), servers.HTTPOptions{Name: "s"}))
	nc, err := net.Dial("tcp", tr.addr("s"))
	require.NoError(t, err)
	defer nc.Close()
	require.NoError(t, nc.(*net.TCPConn).SetReadBuffer(4<<10))
	flood := http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + strings.Repeat(ping, pings)
	_, err = io.WriteString(nc, flood)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		s, err := tr.Inspect(t.Context(), messages.GetStatus{Each: 1})
		require.NoError(t, err)
		each := s.Servers[0].Connections
		return len(each) == 1 && each[0].Read == int64(len(flood)) && each[0].Written >= int64(pings*len(ping))
	}, 5*time.Second, time.Millisecond, "its PINGs are not answered")
	report, err := tr.Shutdown(t.Context())
	require.NoError(t, err, "%v", report)
	assert.Equal(t, []int{0, 1, 0}, []int{report.Sum().Drained, report.Sum().Unanswered, report.Sum().Lost}, report)
}

// A client that was idle all the time, and answers no PING, is no reason for a drain
// that is not clean, however short its time is.
func TestH2MuteClientIsNotKilledWithALongGrace(t *testing.T) {
	bothH2(t, func(t *testing.T, overTLS bool) {
		r := serveH2(t, h2Server(http.HandlerFunc(slow), overTLS), overTLS, drain.Config{Timeout: 400 * time.Millisecond * slack})
		c := dialH2(t, r.addr, overTLS)
		c.mute = true
		c.listen().fetch(t, "/")
		r.drains(t)
		<-c.over
		assert.Equal(t, io.EOF, c.err, "not reset")
	})
}
