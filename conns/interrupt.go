package conns

import (
	"context"
	"sync/atomic"
	"time"
)

// Interrupt is how a request that would outlast a drain is cancelled long before
// the deadline: a stream of events, a long poll. It belongs to one request.
//
//	           due, in an event                  event written
//	serving ───────────────────▶ due, mid-event ──────────────▶ cancelled
//	   └──────────────────due, between two events ─────────────────▲
type Interrupt struct {
	parent context.Context // the server's, of this request
	conn   *Conn
	made   atomic.Pointer[cancellable] // nil until somebody looks
	word   atomic.Uint32
	alone  bool // its end need not be heard of from the parent
}

// waiting is what waits for the drain, and after it for the moment to come.
type waiting struct {
	stop  atomic.Pointer[func() bool] // it waits for the drain no more
	timer *time.Timer
}

const (
	midEvent  uint32 = 1 << iota // what is written does not end with an event
	due                          // the request is to be cancelled
	cancelled                    // it was
	overdue                      // and it goes on writing
	watches                      // its handler watches Draining
	finished                     // it has returned
	finite                       // it ends by itself
)

// interruptAfter is the head start of a handler that watches Draining: one that
// looks at nothing but its context is told this much later.
const interruptAfter = 100 * time.Millisecond

type interruptKey struct{}

// InterruptOf returns the Interrupt of a request, nil if ctx is none of ours.
func InterruptOf(ctx context.Context) *Interrupt {
	i, _ := ctx.Value(interruptKey{}).(*Interrupt)
	return i
}

// Interruptible marks the request of ctx as one that may wait for longer than a
// shutdown should, a long poll for example: as soon as the server drains, its
// context is cancelled, with the cause ErrDraining, and the handler answers with
// what it has. One line at its beginning; it does nothing without a managed server
// behind ctx.
func Interruptible(ctx context.Context) {
	if i := InterruptOf(ctx); i != nil {
		i.await(func() time.Duration { return 0 })
	}
}

// Finite marks the request of ctx as one whose stream of events ends by itself, soon
// enough: a drain waits for it as for any other response.
func Finite(ctx context.Context) {
	if i := InterruptOf(ctx); i != nil {
		i.word.Or(finite)
	}
}

// Stream marks the response of the request as a stream of events. In a drain the
// request's context is cancelled between two events (see Writing and Wrote), a
// moment after Draining; if its handler watches that, IdleGrace after it.
func (i *Interrupt) Stream() {
	i.await(func() time.Duration {
		if i.word.Load()&watches != 0 {
			return max(interruptAfter, i.conn.group.IdleGrace)
		}
		return interruptAfter
	})
}

// await has the request interrupted once the drain begins, after what delay says
// then.
func (i *Interrupt) await(delay func() time.Duration) {
	w := &waiting{timer: time.AfterFunc(time.Hour, i.interrupt)}
	w.timer.Stop()
	if !i.make(true).waiting.CompareAndSwap(nil, w) {
		return
	}
	stop := context.AfterFunc(i.conn.group.drain, func() {
		if d := delay(); d > 0 {
			w.timer.Reset(d)
		} else {
			i.interrupt()
		}
		if i.word.Load()&finished != 0 {
			w.timer.Stop()
		}
	})
	w.stop.Store(&stop)
	if i.word.Load()&finished != 0 { // it has not seen it
		stop()
	}
}

// interrupt cancels the request, if it is between two events; otherwise Wrote
// does.
func (i *Interrupt) interrupt() {
	for {
		switch s := i.word.Load(); {
		case s&(finished|finite) != 0:
			return
		case s&cancelled != 0:
			i.word.Or(overdue)
			return
		case s&midEvent != 0:
			if i.word.CompareAndSwap(s, s|due) {
				return
			}
		case i.word.CompareAndSwap(s, s|cancelled):
			i.cancelNow()
			return
		}
	}
}

// Interrupted reports whether the stream was ended by a drain, between two events.
func (i *Interrupt) Interrupted() bool {
	s := i.word.Load()
	return s&cancelled != 0 && s&midEvent == 0
}

// cancelNow cancels the context. A handler that does not look at it, and goes on
// with the next event, learns from its Write after another grace.
func (i *Interrupt) cancelNow() {
	made := i.make(true)
	made.cancel(ErrDraining)
	made.waiting.Load().timer.Reset(max(interruptAfter, i.conn.group.IdleGrace))
}

// Writing is called before a part of the stream is written. An error means that
// the request was interrupted, and that the handler began another event
// nevertheless: it is not to be written.
func (i *Interrupt) Writing() error {
	if s := i.word.Load(); s&overdue != 0 && s&midEvent == 0 {
		return ErrDraining
	}
	i.word.Or(midEvent)
	return nil
}

// Wrote is called after it; whole says that what is written ends with an event.
func (i *Interrupt) Wrote(whole bool) {
	if !whole {
		return
	}
	for {
		s := i.word.Load()
		next := s &^ (midEvent | due)
		if s&due != 0 {
			next |= cancelled
		}
		if i.word.CompareAndSwap(s, next) {
			if s&due != 0 {
				i.cancelNow()
			}
			return
		}
	}
}

// cut is Unit.Cut.
func (i *Interrupt) cut() bool {
	if i.conn == nil || !i.conn.has(doomed) {
		return false
	}
	made := i.made.Load()
	return made != nil && !made.unseen.Load() && context.Cause(made) == ErrKilled
}

// ended is called when the handler has returned. It reports whether that was because the
// deadline had cancelled the request, as far as anybody can know: it came after that, and
// the handler, or what it called, had looked at the context. One that had not, and has
// answered before the kill, has lost nothing.
func (i *Interrupt) ended() (severs bool) {
	if i.conn == nil {
		return false
	}
	i.word.Or(finished)
	made := i.made.Load()
	if made == nil {
		return false
	}
	if severs = i.cut(); severs {
		i.conn.raise(severed)
	}
	if w := made.waiting.Load(); w != nil {
		if stop := w.stop.Load(); stop != nil {
			(*stop)()
		}
		w.timer.Stop()
	}
	made.cancel(context.Canceled)
	return severs
}
