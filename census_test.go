package drain_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

func secure(nc net.Conn, overTLS bool) net.Conn {
	if overTLS {
		return tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	return nc
}

func contextCause(r *http.Request) error { return context.Cause(r.Context()) }

func runtimeStack(buf []byte) int { return runtime.Stack(buf, true) }

// eventually waits for what no event tells. It starts no goroutine: one of its
// uses counts them.
func eventually(t *testing.T, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); {
		require.True(t, time.Now().Before(deadline), "it never came true")
		time.Sleep(time.Millisecond) // between two looks: a counter, or the runtime, tells nobody
	}
}

// waitOpen waits until so many connections are in the tree.
func waitOpen(t *testing.T, r *rig, n int64) {
	t.Helper()
	eventually(t, func() bool { return r.counts().Open >= n })
}

func (r *rig) pids() []string { return pidsOf(r.System()) }

func pidsOf(s *actor.ActorSystem) (ids []string) {
	for _, bucket := range s.ProcessRegistry.LocalPIDs.LocalPIDs {
		ids = append(ids, bucket.Keys()...)
	}
	return ids
}

func difference(a, b []string) (d []string) {
	known := make(map[string]bool)
	for _, id := range b {
		known[id] = true
	}
	for _, id := range a {
		if !known[id] {
			d = append(d, id)
		}
	}
	return d
}

func openDescriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Logf("descriptors are not counted here: %v", err)
	}
	return len(entries)
}

func (r *rig) counts() messages.Counts {
	var sum messages.Counts
	for _, c := range r.Gauges().Servers() {
		sum.Open += c.Open
		sum.Crashed += c.Crashed
	}
	return sum
}
