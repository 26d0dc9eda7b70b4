package servers_test

import (
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

func pumpHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello, world\n") })
}

// looking is a handler that asks whether its context is cancelled, as those do who
// pass it on to a database.
func looking() http.Handler {
	hello := pumpHandler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.Context().Done()
		hello.ServeHTTP(w, r)
	})
}

// bareOn serves the pump with net/http alone.
func bareOn(t testing.TB, p *pump, h http.Handler) {
	l := newPumps(p)
	srv := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() {
		_ = srv.Serve(l)
		close(served)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-served
	})
}

// managedOn serves it as a child of a tree.
func managedOn(t testing.TB, p *pump, h http.Handler) {
	config := drain.Config{Timeout: 5 * time.Second, Logger: quietLogger}
	config.IdleGrace, config.Linger = -1, -1
	srv := &http.Server{Handler: h}
	tree, err := config.Start(t.Context(), servers.HTTP(srv, servers.HTTPOptions{Listener: newPumps(p)}))
	require.NoError(t, err)
	t.Cleanup(func() { <-tree.Done() }) // t.Context ends first
}

// allocations are those of a call of f, of all goroutines.
func allocations(f func()) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it would empty net/http's pools
	const calls = 2000
	for range 100 {
		f()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / calls
}

// added are the allocations that a managed server makes more for a request.
func added(t *testing.T, h http.Handler) float64 {
	bare, managed := newPump(), newPump()
	bareOn(t, bare, h)
	managedOn(t, managed, h)
	without, with := allocations(bare.ask), allocations(managed.ask)
	t.Logf("allocations a request: net/http %.2f, managed %.2f", without, with)
	return with - without
}

func TestARequestCostsOneAllocation(t *testing.T) {
	require.LessOrEqual(t, added(t, pumpHandler()), 1+0.1)
}

// What can be cancelled is made for who looks.
func TestAnAttentiveRequestCostsThreeAllocationsMore(t *testing.T) {
	require.LessOrEqual(t, added(t, looking()), 4+0.1)
}

// BenchmarkRequest is a request over a connection in memory.
func BenchmarkRequest(b *testing.B) {
	for name, h := range map[string]http.Handler{"hello": pumpHandler(), "looking": looking()} {
		for mode, serve := range map[string]func(testing.TB, *pump, http.Handler){"bare": bareOn, "managed": managedOn} {
			b.Run(name+"/"+mode, func(b *testing.B) {
				p := newPump()
				serve(b, p, h)
				b.ReportAllocs()
				for b.Loop() {
					p.ask()
				}
			})
		}
	}
}
