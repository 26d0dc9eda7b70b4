package actors

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// sessions is a fake whose sessions outlive their connections.
type sessions struct {
	*fake
	close func(context.Context) error
}

func (s sessions) CloseSessions(ctx context.Context) error { return s.close(ctx) }

func TestSessionsCloseBeforeTheListener(t *testing.T) {
	f := newFake("f")
	bound := false
	r := plant(t, brief(), Managed(sessions{f, func(context.Context) error {
		bound = f.unbinds.Load() == 0
		return nil
	}}))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	require.NoError(t, r.report(r.shutdown()).Err())
	require.True(t, bound)
}

func TestSessionsThatFail(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(sessions{f, func(context.Context) error { panic("on purpose") }}))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	require.ErrorContains(t, r.report(r.shutdown()).Err(), "CloseSessions panicked")
}

func TestForceDoesNotWaitForSessionsOrAQueue(t *testing.T) {
	f, g := newFake("f"), newFake("g")
	g.onUnbind = func(ctx context.Context) error { <-ctx.Done(); return nil }
	c := brief()
	c.Timeout = time.Minute
	r := plant(t, c, Managed(sessions{f, func(ctx context.Context) error { <-ctx.Done(); return nil }}), Managed(g))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	receive(t, g.serving)
	reports := r.shutdown()
	eventually(t, func() bool { return g.unbinds.Load() > 0 })
	began := time.Now()
	r.force()
	r.report(reports)
	require.Less(t, time.Since(began), unbindLimit)
}

func TestSessionsAreNotClosedWhileTheListenerIsOpened(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFake("f")
		var binds, opening atomic.Int32
		f.onBind = func() error {
			if binds.Add(1) > 1 {
				opening.Add(1)
				defer opening.Add(-1)
			}
			time.Sleep(time.Second) // the bubble's, as below: the shutdown comes meanwhile
			return nil
		}
		c := brief()
		c.Timeout = time.Minute
		r := plant(t, c, Managed(sessions{f, func(context.Context) error {
			time.Sleep(time.Millisecond) // the listener has the time to be at it
			assert.Zero(t, opening.Load())
			return nil
		}}))
		require.NoError(t, r.serving())
		receive(t, f.serving)
		require.NoError(t, r.suspend("f"))
		r.send(messages.Resume{})
		require.NoError(t, r.report(r.shutdown()).Err())
	})
}
