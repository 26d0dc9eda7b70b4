package conns

import (
	"context"
	"sync/atomic"
	"time"
)

// This file is the context of a unit of work: it takes no memory until somebody looks
// whether it is cancelled, or cancels it.

// interruptible is the context of the request that an Interrupt belongs to.
type interruptible Interrupt

func (c *interruptible) Deadline() (time.Time, bool) { return c.parent.Deadline() }

func (c *interruptible) Done() <-chan struct{} {
	made := (*Interrupt)(c).make(false)
	made.see()
	return made.Done()
}

func (c *interruptible) Err() error {
	made := c.made.Load()
	if made == nil {
		if err := c.parent.Err(); err == nil || c.alone {
			return err
		}
		made = (*Interrupt)(c).make(false)
	}
	err := made.Err()
	if err != nil {
		made.see()
	}
	return err
}

func (c *interruptible) Value(key any) any {
	switch key.(type) {
	case connKey:
		return c.conn
	case interruptKey:
		return (*Interrupt)(c)
	}
	if made := c.made.Load(); made != nil {
		return made.Value(key) // also the standard library's, for itself
	}
	return c.parent.Value(key)
}

// String is for those who print a context: its fields change while they do.
func (c *interruptible) String() string { return nameOf(c.parent) + ".Unit" }

// cancellable is what becomes of a request's context when somebody looks whether it
// is cancelled, or cancels it. Most handlers never do.
type cancellable struct {
	context.Context
	cancel  context.CancelCauseFunc
	waiting atomic.Pointer[waiting]
	unseen  atomic.Bool // nobody has looked: it was made to be cancelled
}

// see notes that somebody has looked.
func (c *cancellable) see() {
	if c.unseen.Load() {
		c.unseen.Store(false)
	}
}

// make makes it; unseen says that it is not for somebody who looks.
func (i *Interrupt) make(unseen bool) *cancellable {
	if made := i.made.Load(); made != nil {
		return made
	}
	parent := i.parent
	if i.alone {
		parent = (*detached)(i)
	}
	ctx, cancel := context.WithCancelCause(parent)
	mine := &cancellable{Context: ctx, cancel: cancel}
	mine.unseen.Store(unseen)
	if !i.made.CompareAndSwap(nil, mine) {
		cancel(nil) // another goroutine was first
	}
	made := i.made.Load()
	if i.word.Load()&finished != 0 || (i.alone && i.conn.has(peerless)) {
		made.cancel(context.Canceled) // who saw that has not seen this
	}
	return made
}

// cancel cancels the request, if it has a context of its own and is in progress.
func (i *Interrupt) cancel(cause error) {
	if i.conn != nil && i.word.Load()&finished == 0 {
		i.make(true).cancel(cause)
	}
}

// peerGone ends a request that does not hear of it from its parent.
func (i *Interrupt) peerGone() {
	if made := i.made.Load(); made != nil && i.alone {
		made.cancel(context.Canceled)
	}
}

// detached has the values of a request's parent, and not its end.
type detached Interrupt

func (d *detached) Deadline() (time.Time, bool) { return d.parent.Deadline() }
func (d *detached) Done() <-chan struct{}       { return nil }
func (d *detached) Err() error                  { return nil }
func (d *detached) Value(key any) any           { return d.parent.Value(key) }
func (d *detached) String() string              { return nameOf(d.parent) }
