package conns

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// turns is an owner that sees whether it is told by one goroutine at a time, and what
// it was told last.
type turns struct {
	telling atomic.Int32
	crossed atomic.Bool
	busy    atomic.Bool
}

func (w *turns) tell(busy bool) {
	if w.telling.Add(1) > 1 {
		w.crossed.Store(true)
	}
	w.busy.Store(busy)
	w.telling.Add(-1)
}

func (w *turns) Busy()                       { w.tell(true) }
func (w *turns) Idle()                       { w.tell(false) }
func (w *turns) Ended(messages.Outcome, int) {}

// Whatever goroutines begin and end units, in whatever order: while one is in progress
// the connection is at work, and when none is it is idle.
func TestUnitsOfManyGoroutinesAreCounted(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			const units = 100
			ours, peer := net.Pipe()
			w := &turns{}
			c := New(NewGroup("units", Settings{}), ours)
			c.FollowReads()
			c.Own(w)
			work := make(chan struct{}, units)
			hold := make(chan struct{})
			var workers, held sync.WaitGroup
			for range 4 {
				workers.Go(func() {
					for range work {
						c.Idle()
					}
				})
			}
			reader := make(chan struct{})
			go func() {
				defer close(reader)
				for i, buf := 0, make([]byte, 1); ; i++ {
					if _, err := c.Read(buf); err != nil {
						return
					}
					c.Begin(&Unit{})
					if i == units/2 {
						held.Go(func() { <-hold; c.Idle() })
						continue
					}
					work <- struct{}{}
				}
			}()
			for range units {
				_, err := io.WriteString(peer, "x")
				require.NoError(t, err)
			}
			synctest.Wait()
			require.Equal(t, working, c.phase(), "one is in progress")
			require.True(t, w.busy.Load())
			close(hold)
			held.Wait()
			synctest.Wait()
			require.Equal(t, idle, c.phase())
			require.False(t, w.busy.Load())
			require.False(t, w.crossed.Load(), "the owner is told by one goroutine at a time")
			require.EqualValues(t, units, c.requests.Load())
			_ = peer.Close()
			<-reader
			close(work)
			workers.Wait()
		})
	}
}

// Begin and Idle are for any goroutine.
func TestUnitsBeginAnywhere(t *testing.T) {
	ours, peer := net.Pipe()
	defer peer.Close()
	c := New(NewGroup("units", Settings{}), ours)
	c.FollowReads()
	c.Own(&turns{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			c.Begin(new(Unit))
			c.Idle()
		})
	}
	all.Wait()
	require.False(t, c.raw.inProgress())
	require.NoError(t, c.Close())
}
