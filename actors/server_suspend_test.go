package actors

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

func (r *rig) suspend(name string) error {
	done := make(chan messages.Done, 1)
	r.send(messages.Suspend{Name: name, Reply: done})
	return receive(r.T, done).Err
}

func (r *rig) resume() error {
	done := make(chan messages.Done, 1)
	r.send(messages.Resume{Reply: done})
	return receive(r.T, done).Err
}

// parting is a fake that says a goodbye of its own, and has sessions.
type parting struct {
	sessions
	drains chan struct{}
}

func (p parting) Drain() { p.drains <- struct{}{} }

func newParting(f *fake) parting {
	return parting{sessions{f, func(context.Context) error { return nil }}, make(chan struct{}, 10)}
}

func TestASuspendedServerTakesItsLeaveLikeAnyOther(t *testing.T) {
	for name, suspended := range map[string]bool{"serving": false, "suspended": true} {
		t.Run(name, func(t *testing.T) {
			closed := 0
			p := newParting(newFake("f"))
			p.close = func(context.Context) error { closed++; return nil }
			r := plant(t, brief(), Managed(p))
			require.NoError(t, r.serving())
			receive(t, p.serving)
			if suspended {
				require.NoError(t, r.suspend("f"))
			}
			require.NoError(t, r.report(r.shutdown()).Err())
			receive(t, p.drains)
			assert.Equal(t, 1, closed, "its sessions have been closed")
			assert.EqualValues(t, 1, p.unbinds.Load())
			assert.Empty(t, p.drains)
		})
	}
}

func TestAServerThatFailsClosesItsSessions(t *testing.T) {
	f, fail, closed := newFake("f"), make(chan struct{}), make(chan struct{})
	f.onServe = func() error { <-fail; return errors.New("on purpose") }
	r := plant(t, brief(), Managed(sessions{f, func(context.Context) error { close(closed); return nil }}))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	close(fail)
	receive(t, closed)
}

// A Shutdown that comes while Suspend closes the listener waits for both.
func TestSuspendCrossesShutdown(t *testing.T) {
	f := newFake("f")
	unbinding, unbound := make(chan struct{}), make(chan struct{})
	closing, closed := make(chan struct{}), make(chan struct{})
	f.onUnbind = func(context.Context) error { close(unbinding); <-unbound; return nil }
	r := plant(t, Config{}, Managed(sessions{f, func(context.Context) error { close(closing); <-closed; return nil }}))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	r.send(messages.Suspend{})
	receive(t, unbinding)
	reports := r.shutdown()
	receive(t, closing)
	close(unbound)
	await[messages.ServerUnbound](r)
	assert.Equal(t, messages.PhaseDraining, r.status().Servers[0].Phase, "its sessions are not closed yet")
	assert.Empty(t, reports)
	close(closed)
	require.NoError(t, r.report(reports).Err())
}

// Whoever comes while a suspended server's queue is emptied takes a place too, beyond
// the limit: there is none again before as many have left.
func TestPlacesAreCountedOverASuspension(t *testing.T) {
	f := newFake("f")
	c := brief()
	c.MaxConns = 1
	r := plant(t, c, Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	open := func() int64 { return r.gauges.Servers()["f"].Open }
	first, _ := f.connect(t)
	queued := make(chan struct{})
	go func() {
		defer close(queued)
		f.connect(t) // waits for a place
		f.connect(t)
	}()
	require.NoError(t, r.suspend("f"))
	receive(t, queued)
	require.NoError(t, r.resume())
	receive(t, f.serving)
	eventually(t, func() bool { return open() == 3 })

	tracker := (*f.tracker.Load()).(*tracker)
	admitted := make(chan struct{})
	go func() { tracker.Admit(); close(admitted) }()
	require.NoError(t, first.Close())
	eventually(t, func() bool { return open() == 2 })
	eventually(t, func() bool { return tracker.taken.Load() == 2 })
	select {
	case <-admitted:
		t.Error("a place was given, with two connections open and a limit of one")
	default:
	}
	r.report(r.force())
	receive(t, admitted)
}

func TestAPlaceIsKeptUntilItIsUsed(t *testing.T) {
	f := newFake("f")
	c := brief()
	c.MaxConns = 1
	r := plant(t, c, Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	tracker := *f.tracker.Load()
	tracker.Admit()
	tracker.Admit() // an acceptor that comes back after an error
	ours, theirs := net.Pipe()
	defer theirs.Close()
	conn := conns.New(tracker.Group(), ours)
	conn.FollowReads()
	require.NoError(t, tracker.Adopt(conn))
	require.NoError(t, conn.Close())
}

// Many may track at once: nobody exceeds the limit, and no place is lost.
func TestManyTrackAtOnce(t *testing.T) {
	f := newFake("f")
	c := brief()
	c.MaxConns = 2
	r := plant(t, c, Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	var most atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				c, theirs := f.connect(t)
				for n := r.gauges.Servers()["f"].Open; n > most.Load(); {
					most.Store(n)
				}
				_ = c.Close()
				_ = theirs.Close()
			}
		})
	}
	all.Wait()
	assert.LessOrEqual(t, most.Load(), int64(2))
	eventually(t, func() bool { return (*f.tracker.Load()).(*tracker).taken.Load() == 0 })
}

// given is a fake whose listener could not be opened again.
type given struct{ *fake }

func (given) CanSuspend() error { return errors.New("it was given") }

func TestWhatCannotBeResumedIsNotSuspended(t *testing.T) {
	f := given{newFake("f")}
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	require.ErrorContains(t, r.suspend("f"), "it was given")
	assert.Zero(t, f.unbinds.Load())
	assert.False(t, r.status().Servers[0].Suspended)
}

// What an adapter does not return from is told, and its listener is closed.
func TestSessionsThatAreNeverClosed(t *testing.T) {
	f, never := newFake("f"), make(chan struct{})
	r := plant(t, brief(), Managed(sessions{f, func(context.Context) error { <-never; return nil }}))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	require.ErrorContains(t, r.report(r.shutdown()).Err(), "its CloseSessions had not returned by the deadline")
	assert.EqualValues(t, 1, f.unbinds.Load())
	close(never)
	receive(t, f.released)
}

func TestAnUnbindThatNeverReturns(t *testing.T) {
	f, never := newFake("f"), make(chan struct{})
	f.onUnbind = func(context.Context) error { <-never; return nil }
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	require.ErrorContains(t, r.report(r.shutdown()).Err(), "its Unbind had not returned by the deadline")
	close(never)
	receive(t, f.released)
}
