package conns

import (
	"context"
	"errors"
	"net"
)

// ErrDraining is the cause of a context that was cancelled because its server
// is being drained; see context.Cause.
var ErrDraining = errors.New("drain: the server is shutting down")

// ErrKilled is the cause of a context that was cancelled because the deadline
// of the drain has come, or because it was forced.
var ErrKilled = errors.New("drain: the deadline of the shutdown has come")

type connKey struct{}

// connContext is the context of everything that is served on a connection. The
// server hangs its own on it, behind a value: only a context of the context package
// takes a child there without a goroutine for each.
type connContext struct {
	context.Context
	cancel context.CancelCauseFunc
	conn   *Conn
}

// Context returns the context for everything served on c: it carries c, and it
// is cancelled by CancelContext, at the deadline of a drain, and when the
// connection has ended. Values come from parent.
func (c *Conn) Context(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	cc := &connContext{ctx, cancel, c}
	c.context.Store(cc)
	switch { // what came meanwhile has not found it
	case c.has(told):
		cancel(net.ErrClosed)
	case c.has(doomed):
		cancel(ErrKilled)
	}
	return cc
}

// CancelContext cancels the context of everything served on c.
func (c *Conn) CancelContext(cause error) {
	if ctx := c.context.Load(); ctx != nil {
		ctx.cancel(cause)
	}
}

// Cancel cancels it because the deadline of the drain is near. Its actor calls it.
func (c *Conn) Cancel() {
	c.raise(doomed)
	c.CancelContext(ErrKilled)
}

func (c *connContext) Value(key any) any {
	switch key.(type) {
	case connKey:
		return c.conn
	case interruptKey:
		return c.conn.interrupts()
	}
	return c.Context.Value(key)
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
