package actors

import (
	"sync/atomic"

	"github.com/godrain/drain/messages"
)

// bus hands events to subscribers. Each has a queue and a goroutine of its own;
// whoever publishes never waits: what a full queue cannot take is counted.
type bus struct {
	queues         []*queue
	eachConnection bool
	dropped        atomic.Int64
	stop           chan struct{}
}

type queue struct {
	subscriber messages.Subscriber
	events     chan messages.Event
	each       bool
}

const (
	// eventBacklog is how many events a subscriber may be behind.
	eventBacklog = 1024
	// eventReserve of these are kept for what is not of a single connection: a burst
	// of those must not keep the end of a drain from being heard.
	eventReserve = 64
)

func newBus(subscribers []messages.Subscriber) *bus {
	b := &bus{stop: make(chan struct{})}
	for _, s := range subscribers {
		q := &queue{subscriber: s, events: make(chan messages.Event, eventBacklog)}
		if cs, ok := s.(messages.ConnectionSubscriber); ok {
			q.each = cs.EachConnection()
		}
		b.eachConnection = b.eachConnection || q.each
		b.queues = append(b.queues, q)
		go q.run(b.stop)
	}
	return b
}

func (b *bus) publish(e messages.Event) {
	each, many := false, false
	switch e.(type) {
	case messages.ConnectionOpened, messages.ConnectionClosed:
		each, many = true, true
	case messages.ConnectionKilled:
		many = true
	}
	for _, q := range b.queues {
		if each && !q.each {
			continue
		}
		if many && len(q.events) >= eventBacklog-eventReserve {
			b.dropped.Add(1)
			continue
		}
		select {
		case q.events <- e:
		default:
			b.dropped.Add(1)
		}
	}
}

// close ends the subscribers' goroutines once they have handled what is queued.
// It does not wait for them.
func (b *bus) close() { close(b.stop) }

func (q *queue) run(stop <-chan struct{}) {
	for {
		select {
		case e := <-q.events:
			q.notify(e)
		case <-stop:
			q.drain()
			return
		}
	}
}

func (q *queue) drain() {
	for {
		select {
		case e := <-q.events:
			q.notify(e)
		default:
			return
		}
	}
}

// notify contains a panic of the subscriber: it costs that event.
func (q *queue) notify(e messages.Event) {
	defer func() { _ = recover() }()
	q.subscriber.Notify(e)
}
