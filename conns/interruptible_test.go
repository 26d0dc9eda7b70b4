package conns

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The context of a request is made cancellable only when somebody looks: whatever
// is looked at first, and whenever, it is the same context.
func TestInterruptibleContextIsMadeForTheFirstWhoLooks(t *testing.T) {
	looks := map[string]func(*testing.T, context.Context) context.Context{
		"nobody": func(t *testing.T, ctx context.Context) context.Context { return ctx },
		"Done": func(t *testing.T, ctx context.Context) context.Context {
			_ = ctx.Done()
			return ctx
		},
		"a child": func(t *testing.T, ctx context.Context) context.Context {
			child, cancel := context.WithTimeout(ctx, time.Hour)
			t.Cleanup(cancel)
			return child
		},
	}
	for name, look := range looks {
		t.Run(name, func(t *testing.T) {
			g := NewGroup("test", Settings{})
			c := &Conn{group: g}
			parent, cancel := context.WithCancel(context.WithValue(context.Background(), connKey{}, c))
			defer cancel()
			u := new(Unit)
			ctx, i := u.Context(c, parent), &u.interrupt
			assert.Same(t, c, u.Conn())
			assert.Same(t, c, FromContext(ctx))
			assert.Same(t, i, InterruptOf(ctx))
			assert.NoError(t, ctx.Err())
			seen := look(t, ctx)
			i.Stream()
			i.interrupt()
			<-seen.Done()
			assert.ErrorIs(t, context.Cause(seen), ErrDraining)
			assert.ErrorIs(t, ctx.Err(), context.Canceled)
			assert.ErrorIs(t, context.Cause(ctx), ErrDraining)
			assert.NoError(t, parent.Err())
			i.ended()

			u = new(Unit)
			ctx, i = u.Context(c, parent), &u.interrupt
			seen = look(t, ctx)
			cancel()
			<-seen.Done()
			assert.ErrorIs(t, ctx.Err(), context.Canceled)
			assert.ErrorIs(t, context.Cause(ctx), context.Canceled)
			i.ended()
		})
	}
}

// Who asks to be interrupted when the handler has returned already, from a goroutine
// that it has left behind, waits for no drain.
func TestAFinishedRequestIsNotInterrupted(t *testing.T) {
	g := NewGroup("test", Settings{})
	u := new(Unit)
	ctx := u.Context(&Conn{group: g}, context.Background())
	u.interrupt.ended()
	Interruptible(ctx)
	w := u.interrupt.made.Load().waiting.Load()
	require.False(t, (*w.stop.Load())(), "it was still registered")
	g.Drain(time.Now())
	assert.Equal(t, context.Canceled, context.Cause(ctx), "it has ended")
}
