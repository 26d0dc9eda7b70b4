package actors

import "github.com/asynkron/protoactor-go/actor"

// resident is the dispatcher of one actor, which runs in a goroutine that stays. The
// framework's own starts a new one whenever a message comes to rest: it begins with
// 2 KiB of stack and has to copy that, frame by frame, before it is deep enough in a
// server's Receive. That is a twentieth of what a new connection costs.
type resident struct{ work chan func() }

var _ actor.Dispatcher = (*resident)(nil)

func newResident() *resident {
	r := &resident{make(chan func())}
	go r.live()
	return r
}

func (r *resident) live() {
	for f := <-r.work; f != nil; f = <-r.work {
		f()
	}
}

// leave ends the goroutine, as soon as it is back. The actor calls it when it has
// stopped.
func (r *resident) leave() { go func() { r.work <- nil }() }

// Schedule implements actor.Dispatcher. While the goroutine is on its way back from
// the last messages, and when it has left, a new one takes its place.
func (r *resident) Schedule(f func()) {
	select {
	case r.work <- f:
	default:
		go f()
	}
}

// Throughput implements actor.Dispatcher: after so many messages the processor is
// offered to others. It is the framework's default.
func (r *resident) Throughput() int { return 300 }
