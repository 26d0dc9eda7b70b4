package conns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// ErrDraining is the cause of a context that was cancelled because its server
// is being drained; see context.Cause.
var ErrDraining = errors.New("drain: the server is shutting down")

// ErrKilled is the cause of a context that was cancelled because the deadline
// of the drain has come, or because it was forced.
var ErrKilled = errors.New("drain: the deadline of the shutdown has come")

type connKey struct{}

// Carry returns the context that carries c: FromContext finds it there. All else is
// base's, which any number of connections may have in common, and which must not
// change. It is called once, before the connection is served. The context takes no memory
// of its own, and nothing cancels it: see Context, and Unit.Context.
func (c *Conn) Carry(base *context.Context) context.Context {
	c.base = base
	if (*base).Done() == nil {
		c.raise(rootless)
	}
	return (*connContext)(c)
}

// connContext is a Conn as a context.
type connContext Conn

func (c *connContext) Deadline() (time.Time, bool) { return (*c.base).Deadline() }

func (c *connContext) Done() <-chan struct{} { return (*c.base).Done() }

func (c *connContext) Err() error { return (*c.base).Err() }

func (c *connContext) Value(key any) any {
	if _, ok := key.(connKey); ok {
		return (*Conn)(c)
	}
	return (*c.base).Value(key)
}

// String is for those who print a context: its fields change while they do.
func (c *connContext) String() string { return nameOf(*c.base) + ".Conn" }

// nameOf names a context as the standard library's do each other.
func nameOf(ctx context.Context) string {
	if s, ok := ctx.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", ctx)
}

// Context returns a context for everything that is served on c: it carries c, and
// it is cancelled by CancelContext, at the deadline of a drain, and when the
// connection has ended. Values come from parent. It is for connections that serve
// several requests at once, or none: HTTP/1 has a context for each, see Unit.Context.
func (c *Conn) Context(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, connKey{}, c))
	c.cancel.Store(&cancel)
	c.heed() // what came meanwhile has not found it
	return ctx
}

// DropContext cancels the context that Context returned, as one that nobody uses
// any more.
func (c *Conn) DropContext() {
	if cancel := c.cancel.Swap(nil); cancel != nil {
		(*cancel)(nil)
	}
}

// CancelContext cancels what is served on c: the context that Context returned, and
// that of the unit in progress.
func (c *Conn) CancelContext(cause error) {
	if cancel := c.cancel.Load(); cancel != nil {
		(*cancel)(cause)
	}
	if u := c.unit.Load(); u != nil {
		u.interrupt.cancel(cause)
	}
}

// Cancel cancels it because the deadline of the drain is near. Its actor calls it.
func (c *Conn) Cancel() {
	c.raise(doomed)
	c.CancelContext(ErrKilled)
}

// Doomed reports whether the deadline has cancelled what is served on it.
func (c *Conn) Doomed() bool { return c.has(doomed) }

// heed cancels what is served on a connection whose time has passed.
func (c *Conn) heed() {
	switch {
	case c.has(told):
		c.CancelContext(net.ErrClosed)
	case c.has(doomed):
		c.CancelContext(ErrKilled)
	}
}

// FromContext returns the connection that a request came on, nil if it came on
// none of ours.
func FromContext(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}

// Draining returns a channel that is closed when the server of this request
// begins to drain. A handler that streams watches it to say goodbye itself.
// Without a managed server behind ctx it returns nil, which never fires.
func Draining(ctx context.Context) <-chan struct{} {
	if c := FromContext(ctx); c != nil {
		if i := InterruptOf(ctx); i != nil {
			i.word.Or(watches)
		}
		return c.group.draining
	}
	return nil
}
