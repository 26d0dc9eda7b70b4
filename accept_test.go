package drain_test

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
)

func TestP2_AcceptQueueIsServed(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		var lost, answered atomic.Int64
		underWay := make(chan struct{})
		var clients sync.WaitGroup
		for range 16 {
			clients.Go(func() {
				for {
					nc, err := net.Dial("tcp", r.addr)
					if errors.Is(err, syscall.ECONNREFUSED) {
						return
					}
					if err != nil || !exchange(nc, r.tls) {
						lost.Add(1)
						t.Logf("lost: %v", err)
						return
					}
					if answered.Add(1) == 200 {
						close(underWay)
					}
				}
			})
		}
		select {
		case <-underWay:
		case <-time.After(patience):
			require.FailNow(t, "no load")
		}
		report, err := r.Shutdown(t.Context())
		require.NoError(t, err)
		clients.Wait()
		assert.Zero(t, lost.Load())
		t.Logf("%d answered, %d drained", answered.Load(), report.Sum().Drained)
	})
}

func TestP2_MaxConnsHoldsBackAndIsLiftedByTheDrain(t *testing.T) {
	c := drain.Config{}
	c.MaxConns = 2
	r := start(t, c, false)
	var clients []*client
	for range 5 {
		clients = append(clients, r.dial().get("/hold"))
	}
	held := []*hold{r.next(), r.next()}
	status, err := r.Status(t.Context())
	require.NoError(t, err)
	open, _ := status.Connections()
	assert.EqualValues(t, 2, open, "the kernel's queue holds the rest")
	reports := r.shutdown()
	for range 3 {
		held = append(held, r.next())
	}
	for _, h := range held {
		close(h.finish)
	}
	for _, c := range clients {
		_, body := c.answer()
		assert.Equal(t, "held", body)
		_ = c.Close()
	}
	require.NoError(t, r.report(reports).Err())
}
