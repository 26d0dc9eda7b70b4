package conns

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain/messages"
)

func TestTheHandlersOwnCodeAndReason(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{CloseCode: 1012}, WebSocketGranted)
	require.NoError(t, p.socket().CloseWith(4001, "moved"))
	require.Error(t, p.socket().CloseWith(1005, ""))
	p.leave()
	p.expectClose(4001, "moved")
	p.expectOutcome(messages.OutcomeDrained, false)
	require.False(t, p.socket().Busy(), "it is too late")
}

func TestMarksAreCounted(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	require.True(t, p.socket().Busy())
	require.True(t, p.socket().Busy())
	p.leave()
	p.socket().Done()
	_, err := p.k.Write(text("one is done"))
	require.NoError(t, err)
	p.expectMessage("one is done")
	require.Equal(t, messages.StateBusy, p.k.Snapshot().State)
	_, err = p.k.Write(text("and the other"))
	require.NoError(t, err)
	p.socket().Done()
	p.socket().Done() // one too many does no harm
	p.expectMessage("and the other")
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}

// Marks that overlap without end are no reason to stay: when enough has gone first,
// those that are there are waited for, and no more begin.
func TestMarksThatOverlapForEver(t *testing.T) {
	for name, c := range map[string]struct {
		time    time.Duration
		exhaust func(*pair)
	}{
		"after enough messages": {patience, func(p *pair) {
			for range goFirst {
				_, err := p.k.Write(text("m"))
				require.NoError(t, err)
				p.expectMessage("m")
			}
		}},
		"after half of the time": {100 * time.Millisecond, func(p *pair) {
			require.Eventually(t, func() bool { return now() > p.k.leaver.Load().hurry }, patience, time.Millisecond)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			p := newPair(t, Settings{}, WebSocketGranted)
			require.True(t, p.socket().Busy())
			p.k.group.Drain(time.Now().Add(c.time))
			p.k.Leave()
			c.exhaust(p)
			require.False(t, p.socket().Busy(), "it may not begin")
			_, err := p.k.Write(text("the answer"))
			require.NoError(t, err)
			p.expectMessage("the answer")
			p.socket().Done()
			p.expectClose(1001, "")
			p.expectOutcome(messages.OutcomeDrained, false)
		})
	}
}

func TestTheHandlersGoodbyeMayBeBusyInAnyCase(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.socket().OnGoodbye(func() {
		if p.socket().Busy() {
			_, _ = p.k.Write(text("farewell"))
			p.socket().Done()
		}
	})
	require.True(t, p.socket().Busy())
	p.leave()
	for range goFirst {
		_, err := p.k.Write(text("m"))
		require.NoError(t, err)
		p.expectMessage("m")
	}
	p.socket().Done()
	p.expectMessage("farewell")
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestAHandlerHearsThatItIsToLeave(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	heard := make(chan string, 9)
	p.socket().OnLeave(func() { heard <- "it was replaced" })
	p.socket().OnLeave(func() {
		heard <- "in time"
		panic("on purpose")
	})
	require.True(t, p.socket().Busy())
	p.leave()
	require.Equal(t, "in time", <-heard)
	p.socket().OnLeave(func() { heard <- "late" })
	require.Equal(t, "late", <-heard)
	p.socket().Done()
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeCrashed, false)
	require.Empty(t, heard)
}

func TestTheHandlersGoodbyeComesBeforeTheCloseFrame(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.socket().OnGoodbye(func() { _, _ = p.k.Write(text("farewell")) })
	p.leave()
	p.expectMessage("farewell")
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestTheHandlersGoodbyeIsSaidInAFlood(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.socket().OnGoodbye(func() { _, _ = p.k.Write(text("farewell")) })
	stopped := make(chan error)
	go func() {
		for {
			if _, err := p.k.Write(text("flood")); err != nil {
				stopped <- err
				return
			}
		}
	}()
	p.leave()
	farewells := 0
	for {
		first, payload := p.frame()
		if first == finBit|opClose {
			break
		}
		if payload == "farewell" {
			farewells++
		}
	}
	require.Equal(t, 1, farewells)
	require.ErrorIs(t, <-stopped, ErrClosing)
	p.send([]byte{finBit | opClose, maskBit | 2, 0, 0, 0, 0, 3, 0xe9})
	p.expectEnd()
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestAPanicInTheHandlersGoodbyeStaysThere(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.socket().OnGoodbye(func() { panic("on purpose") })
	p.leave()
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeCrashed, false)
}

// A test's FailNow ends its goroutine, and not ours: the close frame follows.
func TestAHandlersGoodbyeMayEndItsGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.socket().OnGoodbye(runtime.Goexit)
	p.leave()
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestWritersThatQueueGoFirst(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	_, err := p.k.Write([]byte{1, 3, 'a'}) // the first fragment, cut in two
	require.NoError(t, err)
	p.leave()
	// Nobody else may write whole frames now; a library makes them wait outside.
	_, err = p.k.Write([]byte{'b', 'c', finBit | 9, 0}) // its end, and a ping
	require.NoError(t, err)
	_, err = p.k.Write([]byte{finBit, 1, 'd'}) // the last fragment
	require.NoError(t, err)
	_, err = p.k.Write(text("queued")) // at once behind it
	require.NoError(t, err)
	for _, want := range []byte{1, finBit | 9, finBit} {
		first, _ := p.frame()
		require.Equal(t, want, first)
	}
	p.expectMessage("queued")
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestConcurrentWritersKeepTheirFramesApart(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	const writers, each = 8, 50
	done := make(chan error)
	for range writers {
		go func() {
			var err error
			for range each {
				if _, e := p.k.Write(text("a whole frame")); e != nil {
					err = e
				}
			}
			done <- err
		}()
	}
	for range writers * each {
		p.expectMessage("a whole frame")
	}
	for range writers {
		require.NoError(t, <-done)
	}
	p.leave()
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}
