package actors

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// lengthy is a fake whose goodbye and whose sessions take their time.
type lengthy struct {
	*fake
	goodbye, sessions func()
}

func (s lengthy) Drain() { s.goodbye() }

func (s lengthy) CloseSessions(context.Context) error { s.sessions(); return nil }

// What begins in the next tree must not meet what has not returned in this one.
func TestReleaseComesWhenEverythingHasReturned(t *testing.T) {
	nothing := func() {}
	for name, s := range map[string]lengthy{
		// In a bubble, where an hour costs nothing: how long it takes is the subject.
		"Drain":         {goodbye: func() { time.Sleep(time.Hour) }, sessions: nothing},
		"CloseSessions": {goodbye: nothing, sessions: func() { time.Sleep(time.Hour) }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s.fake = newFake("f")
				var released time.Time
				s.onRelease = func() { released = time.Now() }
				r := plant(t, brief(), Managed(s))
				require.NoError(t, r.serving())
				receive(t, s.serving)
				began := time.Now()
				r.report(r.shutdown())
				time.Sleep(2 * time.Hour) // till after that
				receive(t, s.released)
				assert.GreaterOrEqual(t, released.Sub(began), time.Hour)
			})
		})
	}
}

// Serve may return after the kill: there is nobody left to say goodbye to.
func TestWhatWasKilledSaysNoGoodbye(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, said := newFake("f"), false
		f.onServe = func() error { <-f.unbound; time.Sleep(time.Second); return nil } // the bubble's: longer than the kill
		c := brief()
		c.Timeout = time.Minute
		r := plant(t, c, Managed(lengthy{f, func() { said = true }, func() {}}))
		require.NoError(t, r.serving())
		receive(t, f.serving)
		report := r.shutdown()
		await[messages.ServerUnbound](r)
		r.report(r.force())
		r.report(report)
		receive(t, f.released)
		assert.False(t, said)
	})
}

// Its actor may be stopped: what is closed is not closed again, and what runs is cut short.
func TestAServerWhoseActorIsStoppedLeavesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFake("f")
		r := plant(t, brief(), Managed(f), Managed(newFake("g")))
		require.NoError(t, r.serving())
		receive(t, f.serving)
		require.NoError(t, r.suspend("f"))
		system.Root.Stop(r.server("f"))
		receive(t, f.released)
		assert.EqualValues(t, 1, f.unbinds.Load())
	})
	inBubble(t, func(t *testing.T) {
		f, closing, cut := newFake("f"), make(chan struct{}), make(chan struct{})
		c := brief()
		c.Timeout = time.Hour
		r := plant(t, c, Managed(sessions{f, func(ctx context.Context) error {
			close(closing)
			<-ctx.Done()
			close(cut)
			return nil
		}}))
		require.NoError(t, r.serving())
		receive(t, f.serving)
		pid := r.server("f")
		r.shutdown()
		receive(t, closing)
		system.Root.Stop(pid)
		receive(t, cut)
	})
}

// A tree that is killed before its drain has begun has told its servers of no deadline yet.
func TestAKillInTheAnnouncementHoldsTheDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFake("f")
		c := brief()
		c.Timeout, c.ReadyDelay = 10*time.Second, 9*time.Second
		r := plant(t, c, Managed(f))
		require.NoError(t, r.serving())
		receive(t, f.serving)
		r.engage(f)
		report := r.shutdown()
		time.Sleep(9*time.Second - time.Millisecond) // the bubble's: just before the announcement is over
		r.force()
		left := r.report(report)
		assert.Less(t, left.Took, c.Timeout)
		assert.NotContains(t, left.Err().Error(), "did not say Drained")
		assert.Len(t, left.Servers[0].Stragglers, 1)
	})
}

// Whoever was cancelled by the deadline, and is about to leave, has lost what it was at:
// also if nobody hears that any more.
func TestWhatIsCutWhileItLeavesIsLost(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFake("f")
		c := brief()
		c.Timeout, c.Linger = time.Minute, time.Minute
		r := plant(t, c, Managed(f))
		require.NoError(t, r.serving())
		receive(t, f.serving)
		pid := r.server("f")
		conn, client := f.connect(t)
		go func() {
			_ = conn.Serve(func(ctx context.Context, c conns.RawConn) {
				_, _ = c.Read(make([]byte, 1))
				<-ctx.Done()
			})
		}()
		_, err := client.Write([]byte("x"))
		require.NoError(t, err)
		report := r.shutdown()
		time.Sleep(c.Timeout - cancelMargin(c.Timeout)) // the bubble's: when the deadline cancels
		synctest.Wait()
		system.Root.Stop(pid)
		assert.Equal(t, 1, r.report(report).Sum().Lost)
	})
}
