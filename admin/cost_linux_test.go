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
	pairs    = 800
	requests = 60 // in half a pair
)

// While nobody looks, the admin costs nothing: the processor's time of a request
// with a panel that listens and without one, in turns, in one process. Two
// processes would differ by their luck, more than by any panel.
func TestNobodyLookingCostsNothing(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	})}
	h, err := drain.Config{Logger: quiet, Signals: []os.Signal{}, Subscribers: []messages.Subscriber{admin.Systemd()}}.
		Start(context.Background(), servers.HTTP(srv))
	require.NoError(t, err)
	c, err := net.Dial("tcp", h.Addrs()["http"])
	require.NoError(t, err)
	answers := bufio.NewReader(c)
	half := func(with bool) micros {
		if with {
			panel := admin.Handler(h, admin.Options{Logger: quiet})
			_, err := panel.Listen("127.0.0.1:0")
			require.NoError(t, err)
			defer panel.Close(t.Context())
		}
		before := spent(t)
		for range requests {
			_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			res, err := http.ReadResponse(answers, nil)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, res.Body)
			require.NoError(t, err)
		}
		return spent(t) - before
	}
	half(true)
	half(false)
	var ratios []float64
	for pair := range pairs {
		first := half(pair%2 == 0)
		second := half(pair%2 != 0)
		if pair%2 != 0 {
			first, second = second, first
		}
		ratios = append(ratios, float64(first)/float64(second))
	}
	_ = c.Close()
	_, err = h.Shutdown(context.Background())
	require.NoError(t, err)

	low, middle, high := interval(ratios)
	t.Logf("with a panel / without: %.4f [%.4f, %.4f], %d pairs of %d requests", middle, low, high, pairs, requests)
	assert.LessOrEqual(t, low, 1.0)
	assert.GreaterOrEqual(t, high, 1.0)
	assert.Less(t, high-low, 0.15, "an interval so wide says nothing")
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
