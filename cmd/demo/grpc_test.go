package main

import (
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// 64 clients that call without retry, and SIGTERM: no call fails but those that
// were never sent, since nobody listened any more.
func TestNoGRPCCallFailsAtASignal(t *testing.T) {
	stops := 3
	if os.Getenv("DRAIN_LONG") != "" {
		stops = 50
	}
	const clients = 64
	var calls atomic.Int64
	for range stops {
		d := launch(t, "-grpc", "127.0.0.1:0")
		results, warm := make(chan error, clients), make(chan struct{}, clients)
		for range clients {
			go func() {
				n := 0
				results <- invokes(d.addrs["grpc"])(func() {
					calls.Add(1)
					if n++; n == 10 {
						warm <- struct{}{}
					}
				})
			}()
		}
		for range clients {
			select {
			case <-warm:
			case err := <-results:
				t.Fatal("a client ended before the drain: ", err)
			}
		}
		d.signal(syscall.SIGTERM)
		status, report := d.wait()
		require.Equal(t, exitClean, status, report)
		for range clients {
			require.NoError(t, <-results)
		}
	}
	t.Logf("%d signals, %d calls answered, 0 failed but for refused connections", stops, calls.Load())
}
