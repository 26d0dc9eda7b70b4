package actors

import (
	"sync/atomic"

	"github.com/godrain/drain/messages"
)

// bus hands events to subscribers. Each has a queue of its own, and a goroutine while
// there is something in it; whoever publishes never waits: what a full queue cannot
// take is counted.
type bus struct {
	queues         []*queue
	eachConnection bool
	dropped        atomic.Int64
}

const (
	// eventBacklog is how many events a subscriber may be behind.
	eventBacklog = 1024
	// eventReserve of these are kept for what is not of a single connection: a burst
	// of those must not keep the end of a drain from being heard.
	eventReserve = 64
)

func newBus(subscribers []messages.Subscriber) *bus {
	b := &bus{}
	for _, s := range subscribers {
		q := &queue{subscriber: s}
		if cs, ok := s.(messages.ConnectionSubscriber); ok {
			q.each = cs.EachConnection()
		}
		b.eachConnection = b.eachConnection || q.each
		b.queues = append(b.queues, q)
	}
	return b
}

func (b *bus) publish(e messages.Event) {
	each, room := false, int64(eventBacklog)
	switch e.(type) {
	case messages.ConnectionOpened, messages.ConnectionClosed:
		each, room = true, eventBacklog-eventReserve
	case messages.ConnectionKilled:
		room = eventBacklog - eventReserve
	}
	for _, q := range b.queues {
		if (!each || q.each) && !q.take(e, room) {
			b.dropped.Add(1)
		}
	}
}

// queue is what one subscriber has not heard yet.
type queue struct {
	subscriber messages.Subscriber
	each       bool
	events     stack
	waiting    atomic.Int64
	telling    atomic.Bool // a goroutine does
}

// take queues an event, unless room others are waiting.
func (q *queue) take(e messages.Event, room int64) bool {
	if q.waiting.Add(1) > room {
		q.waiting.Add(-1)
		return false
	}
	q.events.push(e)
	if q.telling.CompareAndSwap(false, true) {
		go q.tell()
	}
	return true
}

// tell hands on what is queued, in order.
func (q *queue) tell() {
	for {
		for n := q.events.takeAll(); n != nil; n = n.next {
			q.waiting.Add(-1)
			q.notify(n.msg.(messages.Event))
		}
		q.telling.Store(false)
		// What was pushed before the store found this goroutine at work.
		if q.events.empty() || !q.telling.CompareAndSwap(false, true) {
			return
		}
	}
}

// notify contains a panic of the subscriber: it costs that event.
func (q *queue) notify(e messages.Event) {
	defer func() { _ = recover() }()
	q.subscriber.Notify(e)
}
