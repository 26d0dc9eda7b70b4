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

// bareOn serves the pump with net/http alone.
func bareOn(t testing.TB, p *pump) {
	l := newPumps(p)
	srv := &http.Server{Handler: pumpHandler()}
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
func managedOn(t testing.TB, p *pump) {
	config := drain.Config{Timeout: 5 * time.Second, Logger: quietLogger}
	config.IdleGrace, config.Linger = -1, -1
	srv := &http.Server{Handler: pumpHandler()}
	h, err := config.Start(t.Context(), servers.HTTP(srv, servers.HTTPOptions{Listener: newPumps(p)}))
	require.NoError(t, err)
	t.Cleanup(func() { <-h.Done() }) // t.Context ends first
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

func TestARequestCostsOneAllocation(t *testing.T) {
	bare, managed := newPump(), newPump()
	bareOn(t, bare)
	managedOn(t, managed)
	without, with := allocations(bare.ask), allocations(managed.ask)
	t.Logf("allocations a request: net/http %.2f, managed %.2f", without, with)
	require.LessOrEqual(t, with-without, 1+0.1)
}

func BenchmarkBareRequest(b *testing.B) {
	p := newPump()
	bareOn(b, p)
	b.ReportAllocs()
	for b.Loop() {
		p.ask()
	}
}

func BenchmarkManagedRequest(b *testing.B) {
	p := newPump()
	managedOn(b, p)
	b.ReportAllocs()
	for b.Loop() {
		p.ask()
	}
}
