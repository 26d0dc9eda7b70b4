package reliability

import (
	"fmt"
	"sync"
	"time"

	"github.com/godrain/drain/messages"
)

// recorder writes down every event.
type recorder struct {
	mu     sync.Mutex
	events []messages.Event
}

func (r *recorder) Notify(e messages.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// EachConnection implements messages.ConnectionSubscriber.
func (r *recorder) EachConnection() bool { return true }

func (r *recorder) list() (lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		lines = append(lines, fmt.Sprintf("  %T %+v", e, e))
	}
	return lines
}

// blocked is a subscriber that does not come back from its first event.
type blocked struct{ until chan struct{} }

func (b blocked) Notify(messages.Event) { <-b.until }

// EachConnection implements messages.ConnectionSubscriber.
func (b blocked) EachConnection() bool { return true }

// stall measures for how long the machine has kept a goroutine waiting that was
// due: a deadline can be held no better than that.
type stall struct {
	quit chan struct{}
	done chan time.Duration
	most time.Duration
}

func watchStalls() *stall {
	s := &stall{quit: make(chan struct{}), done: make(chan time.Duration, 1)}
	go func() {
		var most time.Duration
		const step = 2 * time.Millisecond
		for {
			began := time.Now()
			select {
			case <-s.quit:
				s.done <- most
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
}

func (s *stall) worst() time.Duration { return s.most }
