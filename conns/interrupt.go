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
	group   *Group
	conn    *Conn // of HTTP/1, whose context is the connection's
	cancel  context.CancelCauseFunc
	ctx     *interruptible // of others, who have a context each
	word    atomic.Uint32
	waiting atomic.Pointer[waiting]
}

// waiting is what waits for the drain, and after it for the moment to come.
type waiting struct {
	stop  func() bool
	timer *time.Timer
}

const (
	midEvent  uint32 = 1 << iota // what is written does not end with an event
	due                          // the request is to be cancelled
	cancelled                    // it was
	overdue                      // and it goes on writing
	watches                      // its handler watches Draining
	finished                     // it has returned
)

// interruptAfter is the head start of a handler that watches Draining: one that
// looks at nothing but its context is told this much later.
const interruptAfter = 100 * time.Millisecond

type interruptKey struct{}

// interruptible is the context of a request with an Interrupt of its own. Most
// handlers never look whether theirs is cancelled: what can be is made for the
// first that does.
type interruptible struct {
	context.Context // of the server
	interrupt       Interrupt
	own             atomic.Pointer[cancellable]
}

type cancellable struct {
	context.Context
	cancel context.CancelCauseFunc
}

func (c *interruptible) made() *cancellable {
	if own := c.own.Load(); own != nil {
		return own
	}
	ctx, cancel := context.WithCancelCause(c.Context)
	if !c.own.CompareAndSwap(nil, &cancellable{ctx, cancel}) {
		cancel(nil) // another goroutine was first
	}
	return c.own.Load()
}

func (c *interruptible) Done() <-chan struct{} { return c.made().Done() }

func (c *interruptible) Err() error {
	if own := c.own.Load(); own != nil {
		return own.Err()
	}
	return c.Context.Err()
}

func (c *interruptible) Value(key any) any {
	if _, ok := key.(interruptKey); ok {
		return &c.interrupt
	}
	if own := c.own.Load(); own != nil {
		return own.Value(key)
	}
	return c.Context.Value(key)
}

// WithInterrupt derives the context of one request of a connection that serves
// several at once. Ended is to be called when its handler has returned.
func (c *Conn) WithInterrupt(parent context.Context) (context.Context, *Interrupt) {
	return new(interruptible).of(c, parent)
}

func (c *interruptible) of(conn *Conn, parent context.Context) (context.Context, *Interrupt) {
	c.Context = parent
	c.interrupt.group, c.interrupt.ctx = conn.group, c
	return c, &c.interrupt
}

// interrupts is the Interrupt of the request that an HTTP/1 connection serves now.
func (c *Conn) interrupts() *Interrupt {
	for {
		if i := c.interrupt.Load(); i != nil {
			return i
		}
		ctx := c.context.Load()
		if ctx == nil {
			return nil
		}
		c.interrupt.CompareAndSwap(nil, &Interrupt{group: c.group, conn: c, cancel: ctx.cancel})
	}
}

// endInterrupt is called when the handler of an HTTP/1 request has returned.
func (c *Conn) endInterrupt() {
	if i := c.interrupt.Load(); i != nil {
		c.interrupt.Store(nil)
		i.Ended()
	}
}

// Interrupted reports whether a request was interrupted on this HTTP/1
// connection: its context, which every further request would get, is cancelled.
func (c *Conn) Interrupted() bool { return c.has(interrupted) }

// Renew derives a context for a further request from that of an interrupted
// connection.
func (c *Conn) Renew(ctx context.Context) context.Context {
	c.clear(interrupted)
	return c.Context(context.WithoutCancel(ctx))
}

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

// Stream marks the response of the request as a stream of events. In a drain the
// request's context is cancelled between two events (see Writing and Wrote), a
// moment after Draining; if its handler watches that, IdleGrace after it.
func (i *Interrupt) Stream() {
	i.await(func() time.Duration {
		if i.word.Load()&watches != 0 {
			return max(interruptAfter, i.group.IdleGrace)
		}
		return interruptAfter
	})
}

// await has the request interrupted once the drain begins, after what delay says
// then.
func (i *Interrupt) await(delay func() time.Duration) {
	w := &waiting{timer: time.AfterFunc(time.Hour, i.interrupt)}
	w.timer.Stop()
	if !i.waiting.CompareAndSwap(nil, w) {
		return
	}
	w.stop = context.AfterFunc(i.group.drain, func() {
		if d := delay(); d > 0 {
			w.timer.Reset(d)
		} else {
			i.interrupt()
		}
		if i.word.Load()&finished != 0 {
			w.timer.Stop()
		}
	})
}

// interrupt cancels the request, if it is between two events; otherwise Wrote
// does.
func (i *Interrupt) interrupt() {
	for {
		switch s := i.word.Load(); {
		case s&finished != 0:
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

// cancelNow cancels the context. A handler that does not look at it, and goes on
// with the next event, learns from its Write after another grace.
func (i *Interrupt) cancelNow() {
	if i.ctx != nil {
		i.ctx.made().cancel(ErrDraining)
	} else {
		i.cancel(ErrDraining)
	}
	i.waiting.Load().timer.Reset(max(interruptAfter, i.group.IdleGrace))
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

// Ended is called when the handler has returned.
func (i *Interrupt) Ended() {
	s := i.word.Or(finished)
	if w := i.waiting.Load(); w != nil {
		w.stop()
		w.timer.Stop()
	}
	switch {
	case i.ctx != nil:
		if own := i.ctx.own.Load(); own != nil {
			own.cancel(context.Canceled)
		}
	case s&cancelled != 0:
		i.cancel(ErrDraining) // whoever set the flag may not be done with it
		i.conn.raise(interrupted)
	}
}
