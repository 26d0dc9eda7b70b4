package admin_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/admin"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

const (
	turns    = 20 // of the panel, from one tree to the other
	pairs    = 40 // in a turn
	warm     = 10 // requests that are not counted
	requests = 60 // that are, in half a pair
)

// While nobody looks, the admin costs nothing: the processor's time of a request
// to a tree that has a panel and to one that has none, in turns. The panel goes
// back and forth between the two: each has a luck of its own.
func TestNobodyLookingCostsNothing(t *testing.T) {
	trees := []*costly{startCostly(t), startCostly(t)}
	var ratios []float64
	for turn := range turns {
		with, without := trees[turn%2], trees[1-turn%2]
		panel := admin.Handler(with.Handle, admin.Options{Logger: slog.New(slog.DiscardHandler)})
		_, err := panel.Listen("127.0.0.1:0")
		require.NoError(t, err)
		for pair := range pairs {
			var cost [2]micros
			for i := range 2 {
				if which := (pair + i) % 2; which == 0 {
					cost[0] = with.load(t)
				} else {
					cost[1] = without.load(t)
				}
			}
			ratios = append(ratios, float64(cost[0])/float64(cost[1]))
		}
		require.NoError(t, panel.Close(t.Context()))
	}
	for _, tree := range trees {
		_ = tree.client.Close()
		_, err := tree.Shutdown(context.Background())
		require.NoError(t, err)
	}
	low, middle, high := interval(ratios)
	t.Logf("with a panel / without: %.4f [%.4f, %.4f], %d pairs of %d requests", middle, low, high, len(ratios), requests)
	assert.LessOrEqual(t, low, 1.0)
	assert.GreaterOrEqual(t, high, 1.0)
	assert.Less(t, high-low, 0.15, "an interval so wide says nothing")
}

// costly is a tree with one client.
type costly struct {
	*drain.Handle
	client  net.Conn
	answers *bufio.Reader
}

func startCostly(t *testing.T) *costly {
	t.Helper()
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	})}
	h, err := drain.Config{
		Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}, Subscribers: []messages.Subscriber{admin.Systemd()},
	}.Start(context.Background(), servers.HTTP(srv))
	require.NoError(t, err)
	c, err := net.Dial("tcp", h.Addrs()["http"])
	require.NoError(t, err)
	return &costly{h, c, bufio.NewReader(c)}
}

// load says what the requests cost, client included.
func (c *costly) load(t *testing.T) micros {
	t.Helper()
	var before micros
	for i := range warm + requests {
		if i == warm {
			before = spent(t)
		}
		_, err := io.WriteString(c.client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		res, err := http.ReadResponse(c.answers, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
	}
	return spent(t) - before
}

// interval is the median and its 99.9 % interval, from the ranks alone: a pair in
// which somebody else had the processor is one pair, however bad.
func interval(x []float64) (low, middle, high float64) {
	slices.Sort(x)
	n := float64(len(x))
	reach := 3.291 * math.Sqrt(n) / 2
	return x[int(n/2-reach)], x[len(x)/2], x[int(math.Ceil(n/2+reach))]
}

// micros are the processor's, in µs.
type micros = int64

func spent(t *testing.T) micros {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano()/1000 + u.Stime.Nano()/1000
}
