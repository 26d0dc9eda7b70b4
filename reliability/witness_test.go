package reliability

import (
	"fmt"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/godrain/drain/messages"
)

// recorder writes down every event.
type recorder struct {
	mu     sync.Mutex
	events []messages.Event
	times  []time.Time
}

func (r *recorder) Notify(e messages.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	r.times = append(r.times, time.Now())
}

// EachConnection implements messages.ConnectionSubscriber.
func (r *recorder) EachConnection() bool { return true }

func (r *recorder) list() (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range r.events {
		lines = append(lines, fmt.Sprintf("  %s %T %+v", r.times[i].Format("05.000000"), e, e))
	}
	return lines
}

// blocked is a subscriber that does not come back from its first event.
type blocked struct{ until chan struct{} }

func (b blocked) Notify(messages.Event) { <-b.until }

// EachConnection implements messages.ConnectionSubscriber.
func (b blocked) EachConnection() bool { return true }

// stall measures for how long the machine has kept a goroutine waiting that was
// due, or ready: a deadline can be held no better than that.
type stall struct {
	quit   chan struct{}
	done   chan time.Duration
	most   time.Duration
	before []uint64
}

func watchStalls() *stall {
	s := &stall{quit: make(chan struct{}), done: make(chan time.Duration, 1)}
	s.before = append(s.before, latencies().Counts...)
	go func() {
		var most time.Duration
		const step = 2 * time.Millisecond
		for {
			began := time.Now()
			select {
			case <-s.quit: // it may have stood still until now
				s.done <- max(most, time.Since(began)-step)
				return
			case <-time.After(step):
				most = max(most, time.Since(began)-step)
			}
		}
	}()
	return s
}

func (s *stall) stop() {
	close(s.quit)
	s.most = <-s.done
	now := latencies()
	for i, n := range now.Counts {
		if bound := now.Buckets[i]; n > s.before[i] && bound > 0 {
			s.most = max(s.most, time.Duration(bound*float64(time.Second)))
		}
	}
}

// latencies are the times that goroutines have waited to run.
func latencies() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64Histogram()
}

func (s *stall) worst() time.Duration { return s.most }
