package conns

import (
	"sync/atomic"
	"time"

	"github.com/godrain/drain/messages"
)

// latencyBounds are the upper bounds of a Latency's buckets.
var latencyBounds = [...]time.Duration{
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, time.Second,
}

// Latency is a histogram of durations: two atomic additions for each.
type Latency struct {
	buckets [len(latencyBounds) + 1]atomic.Int64
	sum     atomic.Int64
}

// Observe enters one duration.
func (l *Latency) Observe(d time.Duration) {
	i := 0
	for i < len(latencyBounds) && d > latencyBounds[i] {
		i++
	}
	l.buckets[i].Add(1)
	l.sum.Add(int64(d))
}

// Histogram reads it.
func (l *Latency) Histogram() messages.Histogram {
	h := messages.Histogram{Bounds: latencyBounds[:], Counts: make([]int64, len(l.buckets)), Sum: time.Duration(l.sum.Load())}
	for i := range l.buckets {
		h.Counts[i] = l.buckets[i].Load()
	}
	return h
}
