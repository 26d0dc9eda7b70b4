package conns

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The contexts of the context package that hang on a connection's are cancelled
// with it, whatever way they were derived, and with its cause.
func TestContextsHangOnTheConnection(t *testing.T) {
	cause := errors.New("why")
	type key struct{}
	for _, before := range []bool{false, true} {
		c := New(NewGroup("test", Settings{}), &net.TCPConn{})
		ctx := c.Context(context.WithValue(context.Background(), key{}, "value"))
		assert.Same(t, c, FromContext(ctx))
		assert.Equal(t, "value", ctx.Value(key{}))
		assert.NoError(t, ctx.Err())
		if before {
			c.CancelContext(cause)
		}
		var children []context.Context
		for range 3 { // the first hangs on it alone
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			children = append(children, child)
		}
		limited, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		called := make(chan struct{})
		context.AfterFunc(ctx, func() { close(called) })
		stopped := context.AfterFunc(ctx, func() { assert.True(t, before) })
		stopped()
		if !before {
			for _, child := range children {
				require.NoError(t, child.Err())
			}
			c.CancelContext(cause)
		}
		c.CancelContext(net.ErrClosed) // the first one counts
		<-called
		for _, one := range append(children, limited, ctx) {
			<-one.Done()
			assert.Equal(t, context.Canceled, one.Err())
			assert.Equal(t, cause, context.Cause(one))
			assert.Equal(t, "value", one.Value(key{}))
		}
	}
}

// A context of the user's that is cancelled cancels what is served, with its cause.
func TestTheConnectionHangsOnItsParent(t *testing.T) {
	cause := errors.New("why")
	parent, cancel := context.WithCancelCause(context.Background())
	c := New(NewGroup("test", Settings{}), &net.TCPConn{})
	child, end := context.WithCancel(c.Context(parent))
	defer end()
	cancel(cause)
	<-child.Done()
	assert.Equal(t, cause, context.Cause(child))

	ended := New(NewGroup("test", Settings{}), &net.TCPConn{})
	ended.raise(told)
	ctx := ended.Context(parent)
	assert.Error(t, ctx.Err(), "it had ended before")
	doomed := New(NewGroup("test", Settings{}), &net.TCPConn{})
	doomed.Cancel()
	ctx = doomed.Context(context.Background())
	assert.Equal(t, ErrKilled, context.Cause(ctx), "it was cancelled before anything was served")
}

// Whoever cancels crosses whoever derives.
func TestContextsCross(t *testing.T) {
	for range 2000 {
		c := New(NewGroup("test", Settings{}), &net.TCPConn{})
		ctx := c.Context(context.Background())
		go c.CancelContext(ErrKilled)
		child, cancel := context.WithCancel(ctx)
		<-child.Done()
		cancel()
		require.Equal(t, ErrKilled, context.Cause(ctx))
	}
}
