package actors

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// slow is a subscriber that waits in its first event.
type slow struct {
	busy, release chan struct{}
	heard         chan messages.Event
}

func (s *slow) Notify(e messages.Event) {
	if s.busy != nil {
		close(s.busy)
		s.busy = nil
		<-s.release
	}
	s.heard <- e
}

// A burst of events of single connections fills a slow subscriber's queue; the end of
// the drain still gets in, and what does not is counted.
func TestABurstLeavesRoomForTheEnd(t *testing.T) {
	s := &slow{make(chan struct{}), make(chan struct{}), make(chan messages.Event, 2*eventBacklog)}
	busy := s.busy
	b := newBus([]messages.Subscriber{s})
	b.publish(messages.ServerUnbound{})
	receive(t, busy)
	const burst = 2 * eventBacklog
	for range burst {
		b.publish(messages.ConnectionKilled{})
	}
	assert.EqualValues(t, burst-(eventBacklog-eventReserve), b.dropped.Load())
	b.publish(messages.ServerDrained{})
	b.publish(messages.DrainFinished{})
	close(s.release)
	require.IsType(t, messages.ServerUnbound{}, receive(t, s.heard))
	for range eventBacklog - eventReserve {
		require.IsType(t, messages.ConnectionKilled{}, receive(t, s.heard))
	}
	assert.IsType(t, messages.ServerDrained{}, receive(t, s.heard))
	assert.IsType(t, messages.DrainFinished{}, receive(t, s.heard))
}

// counting is a subscriber of everything.
type counting struct{ heard chan messages.Event }

func (c *counting) Notify(e messages.Event) { c.heard <- e }

func (c *counting) EachConnection() bool { return true }

// Its goroutine comes and goes with the events: nothing may fall between two of them,
// and those of one publisher keep their order.
func TestEventsOfManyPublishersAllArriveInOrder(t *testing.T) {
	const publishers, events = 4, 2000
	c := &counting{make(chan messages.Event)}
	b := newBus([]messages.Subscriber{c})
	for p := range publishers {
		go func() {
			for i := range events {
				for b.queues[0].waiting.Load() > eventBacklog/2 {
					runtime.Gosched() // no more than it may be behind
				}
				b.publish(messages.ServerBound{Server: strconv.Itoa(p), Addr: strconv.Itoa(i)})
			}
		}()
	}
	next := map[string]int{}
	for range publishers * events {
		e := receive(t, c.heard).(messages.ServerBound)
		require.Equal(t, strconv.Itoa(next[e.Server]), e.Addr)
		next[e.Server]++
	}
	assert.Zero(t, b.dropped.Load())
}
