package drain_test

import (
	"context"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// FuzzConfig: a bad value gets an error that names its field, and nothing is left
// running; with good ones the tree starts, serves, and ends when it is told to.
// The settings are the tree's, or one server's.
func FuzzConfig(f *testing.F) {
	system := actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
		actor.WithDeadLetterThrottleInterval(time.Millisecond))
	f.Add(int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), 0, "", 0, 0.0, 0, false)
	f.Add(int64(time.Second), int64(time.Second), int64(-1), int64(-1), int64(-1), int64(-1), 1005, "\xff", -1, math.NaN(), -1, true)
	f.Add(int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), 1006, "", 0, math.NaN(), -1, true)
	f.Add(int64(math.MaxInt64), int64(1), int64(math.MaxInt64), int64(math.MinInt64), int64(math.MaxInt64), int64(math.MaxInt64),
		4999, strings.Repeat("x", 123), math.MaxInt, -1.0, math.MaxInt, false)
	f.Fuzz(func(t *testing.T, timeout, ready, grace, closing, linger, interval int64, code int, reason string,
		batch int, jitter float64, maxConns int, own bool,
	) {
		c := drain.Config{
			Timeout: time.Duration(timeout), ReadyDelay: time.Duration(ready), System: system,
			Signals: []os.Signal{}, Logger: slog.New(slog.DiscardHandler),
		}
		var o servers.HTTPOptions
		o.IdleGrace, o.CloseTimeout, o.Linger = time.Duration(grace), time.Duration(closing), time.Duration(linger)
		o.CloseCode, o.CloseReason, o.MaxConns = code, reason, maxConns
		o.Spread = drain.Spread{Batch: batch, Interval: time.Duration(interval), Jitter: jitter}
		if !own {
			c.IdleGrace, c.CloseTimeout, c.Linger = o.IdleGrace, o.CloseTimeout, o.Linger
			c.CloseCode, c.CloseReason, c.Spread, c.MaxConns = o.CloseCode, o.CloseReason, o.Spread, o.MaxConns
			o = servers.HTTPOptions{}
		}
		srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "hello")
		})}
		h, err := c.Start(context.Background(), servers.HTTP(srv, o))

		bad := wrong(c.Timeout, c.ReadyDelay, code, reason, batch, jitter, maxConns)
		if own && slices.Contains(bad, "ReadyDelay") {
			bad = []string{"ReadyDelay"} // the tree's come first
		}
		if len(bad) > 0 {
			if err == nil {
				_, _ = h.ForceShutdown(context.Background())
				t.Fatalf("it started, with a bad %s", bad)
			}
			for _, field := range bad {
				if !strings.Contains(err.Error(), field) {
					t.Fatalf("the error does not name %s: %v", field, err)
				}
			}
			return
		}
		if err != nil {
			t.Fatalf("it did not start: %v", err)
		}
		transport := &http.Transport{DisableKeepAlives: true}
		res, err := (&http.Client{Transport: transport}).Get("http://" + h.Addrs()["http"])
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if _, err = h.ForceShutdown(context.Background()); err != nil {
			t.Logf("forced: %v", err) // the connection may be there still
		}
	})
}

// wrong names the fields whose values are.
func wrong(timeout, ready time.Duration, code int, reason string, batch int, jitter float64, maxConns int) (fields []string) {
	if timeout == 0 {
		timeout = 25 * time.Second
	}
	const longest = 10 * 365 * 24 * time.Hour
	if ready > 0 && min(ready, longest) >= min(timeout, longest) {
		fields = append(fields, "ReadyDelay")
	}
	if maxConns < 0 {
		fields = append(fields, "MaxConns")
	}
	// RFC 6455, section 7.4, and IANA's registry.
	mayBeSent := []int{0, 1000, 1001, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014}
	if !slices.Contains(mayBeSent, code) && (code < 3000 || code > 4999) {
		fields = append(fields, "CloseCode")
	}
	if len(reason) > 123 || !utf8.ValidString(reason) {
		fields = append(fields, "CloseReason")
	}
	if batch < 0 || jitter > 1 || math.IsNaN(jitter) {
		fields = append(fields, "Spread")
	}
	return fields
}
