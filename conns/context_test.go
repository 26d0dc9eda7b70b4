package conns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contexts are the two kinds that CancelContext cancels: everything's on a connection,
// and that of the unit in progress.
var contexts = map[string]func(*Conn, context.Context) context.Context{
	"connection": (*Conn).Context,
	"unit": func(c *Conn, parent context.Context) context.Context {
		c.Own(nobody{})
		u := new(Unit)
		ctx := u.Context(c, parent)
		c.Begin(u)
		return ctx
	},
}

// The contexts of the context package that hang on a connection's are cancelled
// with it, whatever way they were derived, and with its cause.
func TestContextsHangOnTheConnection(t *testing.T) {
	for name, contextOf := range contexts {
		for _, before := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, cancelled before: %v", name, before), func(t *testing.T) { hangOn(t, contextOf, before) })
		}
	}
}

func hangOn(t *testing.T, contextOf func(*Conn, context.Context) context.Context, before bool) {
	cause := errors.New("why")
	type key struct{}
	c := New(NewGroup("test", Settings{}), &net.TCPConn{})
	ctx := contextOf(c, context.WithValue(context.Background(), key{}, "value"))
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

// A context of the user's that is cancelled cancels what is served, with its cause.
// What has ended, or is doomed, before anything is served cancels it at once.
func TestTheConnectionHangsOnItsParent(t *testing.T) {
	for name, contextOf := range contexts {
		t.Run(name, func(t *testing.T) {
			cause := errors.New("why")
			parent, cancel := context.WithCancelCause(context.Background())
			c := New(NewGroup("test", Settings{}), &net.TCPConn{})
			child, end := context.WithCancel(contextOf(c, parent))
			defer end()
			cancel(cause)
			<-child.Done()
			assert.Equal(t, cause, context.Cause(child))

			ended := New(NewGroup("test", Settings{}), &net.TCPConn{})
			ended.raise(told)
			assert.Equal(t, net.ErrClosed, context.Cause(contextOf(ended, context.Background())))
			doomed := New(NewGroup("test", Settings{}), &net.TCPConn{})
			doomed.Cancel()
			assert.Equal(t, ErrKilled, context.Cause(contextOf(doomed, context.Background())))
		})
	}
}

// Whoever cancels crosses whoever derives.
func TestContextsCross(t *testing.T) {
	for name, contextOf := range contexts {
		t.Run(name, func(t *testing.T) {
			for range 2000 {
				c := New(NewGroup("test", Settings{}), &net.TCPConn{})
				go c.Cancel()
				ctx := contextOf(c, context.Background())
				child, cancel := context.WithCancel(ctx)
				<-child.Done()
				cancel()
				require.Equal(t, ErrKilled, context.Cause(ctx))
			}
		})
	}
}

// What a connection carries is not cancelled with it, and costs nothing: net/http
// hangs its own contexts there.
func TestACarriedContextIsItsBase(t *testing.T) {
	type key struct{}
	base, cancel := context.WithTimeout(context.WithValue(context.Background(), key{}, "value"), time.Hour)
	c := New(NewGroup("test", Settings{}), &net.TCPConn{})
	var ctx context.Context
	require.Zero(t, testing.AllocsPerRun(10, func() { ctx = c.Carry(&base) }))
	assert.Same(t, c, FromContext(ctx))
	assert.Equal(t, "value", ctx.Value(key{}))
	due, ok := ctx.Deadline()
	want, _ := base.Deadline()
	assert.Equal(t, want, due)
	assert.True(t, ok)
	c.Cancel()
	require.NoError(t, ctx.Err())
	child, end := context.WithCancel(ctx)
	defer end()
	cancel()
	<-child.Done()
	assert.Error(t, ctx.Err())
}

// A handler that has returned is not cancelled: a connection that ends with its
// request would make the request's context for nobody.
func TestAFinishedUnitIsNotCancelled(t *testing.T) {
	c := New(NewGroup("test", Settings{}), &net.TCPConn{})
	c.Own(nobody{})
	u := new(Unit)
	u.Context(c, context.Background())
	c.Begin(u)
	c.Return(true)
	c.CancelContext(net.ErrClosed)
	require.Nil(t, u.interrupt.made.Load())
}

// The context of everything on a connection that nobody needs any more is let go.
func TestADroppedContextIsCancelled(t *testing.T) {
	c := New(NewGroup("test", Settings{}), &net.TCPConn{})
	c.DropContext() // there is none
	ctx := c.Context(context.Background())
	c.DropContext()
	require.Error(t, ctx.Err())
	require.Nil(t, c.cancel.Load())
}

// Who prints a context does not look into it: it may be changing.
func TestContextsHaveNames(t *testing.T) {
	c := New(NewGroup("test", Settings{}), &net.TCPConn{})
	base := context.Background()
	ctx := new(Unit).Context(c, c.Carry(&base))
	assert.Equal(t, "context.Background.Conn.Unit", fmt.Sprint(ctx))
	child, cancel := context.WithCancel(ctx)
	defer cancel()
	assert.Equal(t, "context.Background.Conn.Unit.WithCancel", fmt.Sprint(child))
	base = strange{base}
	assert.Equal(t, "conns.strange.Conn", fmt.Sprint(c.Carry(&base)))
}

// strange is a context without a name.
type strange struct{ context.Context }

// A request of net/http's that does not hang on its parent hears that the peer has
// gone, whenever that is found out: before its handler begins, before anybody looks,
// or while.
func TestAnAttentiveRequestHearsThatThePeerIsGone(t *testing.T) {
	base := context.Background()
	for range 2000 {
		c := New(NewGroup("test", Settings{}), &net.TCPConn{})
		c.FollowNetHTTP()
		c.Own(nobody{})
		u := new(Unit)
		ctx := u.NetHTTPContext(c, c.Carry(&base))
		go c.failed(true)
		c.Begin(u)
		<-ctx.Done()
		require.Equal(t, context.Canceled, context.Cause(ctx))
	}
	cancellable, cancel := context.WithCancelCause(base)
	c := New(NewGroup("test", Settings{}), &net.TCPConn{})
	ctx := new(Unit).NetHTTPContext(c, c.Carry(&cancellable))
	cancel(net.ErrClosed)
	<-ctx.Done()
	require.Equal(t, net.ErrClosed, context.Cause(ctx), "the parent's end is heard of, if it has one of its own")

	u := new(Unit)
	ctx = u.NetHTTPContext(c, c.Carry(&base))
	u.End()
	<-ctx.Done() // whoever looks when the handler has returned
}
