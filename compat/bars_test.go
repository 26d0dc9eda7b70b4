package compat

import (
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The promises about WebSockets, seen from outside: the built demo, raw frames,
// SIGTERM. DRAIN_LONG=1 runs them with the counts of the full proof.

func TestIdleWebSocketsGetTheirCloseFrame(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		n := full(500, 200)
		d := run(t, "-close-code", "1012")
		peers := crowd(t, n, d.url(tls)+"/ws")
		d.term()
		ends := each(peers, func(p *peer) goodbye { return p.leave(true) })
		require.Equal(t, map[string]int{"1012, FIN": n}, ends)
		d.clean()
	})
}

// stops runs f as often as the full proof wants it, or once.
func stops(t *testing.T, f func(t *testing.T, tls bool)) {
	overTLS(t, func(t *testing.T, tls bool) {
		for i := range full(50, 1) {
			t.Run(fmt.Sprint(i), func(t *testing.T) { f(t, tls) })
		}
	})
}

const mib = 1 << 20

func TestAMessageInFlightIsWhole(t *testing.T) {
	stops(t, func(t *testing.T, tls bool) {
		d := run(t)
		p := slow(t, d.url(tls)+"/ws/big?mb=64")
		first, err := p.receive() // the first fragment
		require.NoError(t, err)
		d.term()
		rest, err := p.message()
		require.NoError(t, err)
		require.EqualValues(t, 64*mib, first.length+rest)
		require.Equal(t, "1001, FIN", p.leave(true).String())
		d.clean()
	})
}

func TestQueuedMessagesAreWhole(t *testing.T) {
	// The handler has the second one in hand: it writes one behind the other.
	t.Run("by the handler", func(t *testing.T) {
		stops(t, func(t *testing.T, tls bool) {
			d := run(t)
			p := slow(t, d.url(tls)+"/ws/big?mb=8&mb=32")
			first, err := p.receive()
			require.NoError(t, err)
			d.term()
			rest, err := p.message()
			require.NoError(t, err)
			require.EqualValues(t, 8*mib, first.length+rest)
			second, err := p.message()
			require.NoError(t, err)
			require.EqualValues(t, 32*mib, second)
			require.Equal(t, "1001, FIN", p.leave(true).String())
			d.clean()
		})
	})
	// The second one is still arriving: the handler has not begun to read it.
	t.Run("by the peer", func(t *testing.T) {
		stops(t, func(t *testing.T, tls bool) {
			d := run(t)
			p := slow(t, d.url(tls)+"/ws")
			both := append(masked(fin|opBinary, make([]byte, 8*mib)), masked(fin|opBinary, make([]byte, 32*mib))...)
			sent := make(chan error, 1)
			go func() {
				_, err := p.Write(both)
				sent <- err
			}()
			_, err := p.r.Peek(1) // the first one is being echoed
			require.NoError(t, err)
			d.term()
			for _, want := range []int64{8 * mib, 32 * mib} {
				got, err := p.message()
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
			require.NoError(t, <-sent)
			require.Equal(t, "1001, FIN", p.leave(true).String())
			d.clean()
		})
	})
}

// slow joins with a small receive buffer, so that a big message stays on its way.
func slow(t *testing.T, url string) *peer {
	t.Helper()
	p, host, path, err := connect(url, 64<<10)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	require.NoError(t, p.upgrade(host, path))
	return p
}

func TestAPushOnlyHandlerIsNotWaitedFor(t *testing.T) {
	var took []time.Duration
	stops(t, func(t *testing.T, tls bool) {
		d := run(t)
		p := crowd(t, 1, d.url(tls)+"/ws/feed?ms=60000")[0]
		_, err := p.message()
		require.NoError(t, err)
		quiet(t, p) // it sleeps until its next tick
		began := d.term()
		end := p.leave(true)
		require.Equal(t, "1001, FIN", end.String())
		took = append(took, end.at.Sub(began))
		d.clean()
		require.Less(t, time.Since(began), 5*time.Second)
	})
	slices.Sort(took)
	t.Logf("from SIGTERM to the close frame: median %s, at most %s", took[len(took)/2], took[len(took)-1])
	if !raceOn() { // the median: a machine that does other things too is late now and then
		require.Less(t, took[len(took)/2], 50*time.Millisecond)
	}
}

// quiet waits until the server has had nothing to do on a connection for longer
// than it waits for a message to follow another.
func quiet(t *testing.T, p *peer) {
	t.Helper()
	_ = p.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, err := p.r.Peek(1)
	require.ErrorIs(t, err, errTimeout)
	_ = p.SetReadDeadline(time.Now().Add(patience))
}

func TestAPeerThatNeverReadsIsNamed(t *testing.T) {
	t.Parallel()
	overTLS(t, func(t *testing.T, tls bool) {
		t.Parallel()
		d := run(t, "-timeout", "2s")
		p := slow(t, d.url(tls)+"/ws/big?mb=64")
		_, err := p.receive()
		require.NoError(t, err)
		began := d.term()
		status, text := d.exit()
		require.Less(t, time.Since(began), 3*time.Second) // a busy machine starts processes slowly
		require.Equal(t, 1, status, text)
		require.Contains(t, text, "killed "+p.LocalAddr().String()+" WebSocket GET /ws/big: busy")
		require.Contains(t, text, "request lost")
	})
}

func TestAPeerThatNeverAnswersIsUnansweredNotAnError(t *testing.T) {
	t.Parallel()
	for timeout, after := range map[string]time.Duration{"25s": 5 * time.Second, "1s": time.Second} {
		t.Run("-timeout "+timeout, func(t *testing.T) {
			t.Parallel()
			unanswered(t, timeout, after)
		})
	}
}

func unanswered(t *testing.T, timeout string, after time.Duration) {
	overTLS(t, func(t *testing.T, tls bool) {
		t.Parallel()
		d := run(t, "-timeout", timeout)
		echo := crowd(t, 1, d.url(tls)+"/ws")[0]
		feed := crowd(t, 1, d.url(tls)+"/ws/feed?ms=100")[0]
		began := d.term()
		text := d.clean()
		require.Greater(t, time.Since(began), after-300*time.Millisecond)
		require.Less(t, time.Since(began), after+2500*time.Millisecond) // it lingers
		require.Contains(t, text, "2 unanswered")
		require.Equal(t, 1001, echo.leave(false).code)
		require.Equal(t, 1001, feed.leave(false).code)
	})
}

func TestAPeerThatFloodsIsClosedCleanly(t *testing.T) {
	for _, path := range []string{"/ws", "/ws/feed?ms=60000", "/ws/feed?ms=0"} {
		t.Run(path, func(t *testing.T) {
			stops(t, func(t *testing.T, tls bool) {
				d := run(t)
				p := crowd(t, 1, d.url(tls)+path)[0]
				_, stopped := flood(p)
				_, err := p.message()
				require.NoError(t, err)
				d.term()
				end := p.leaveFlooding(stopped)
				require.Equal(t, "1001, FIN", end.String())
				d.clean()
			})
		})
	}
}

// flood sends messages for as long as it can.
func flood(p *peer) (stop chan struct{}, stopped chan struct{}) {
	p.stop, stopped = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-p.stop:
				return
			default:
				if p.send(fin|opText, []byte("a message, and another one behind it")) != nil {
					return
				}
			}
		}
	}()
	return p.stop, stopped
}

func TestBusyHoldsTheGoodbye(t *testing.T) {
	t.Parallel()
	stops(t, func(t *testing.T, tls bool) {
		d := run(t)
		p := crowd(t, 1, d.url(tls)+"/ws/work?ms=1000")[0]
		require.NoError(t, p.send(fin|opText, []byte("work")))
		quiet(t, p)
		began := d.term()
		n, err := p.message()
		require.NoError(t, err)
		require.EqualValues(t, 4, n)
		require.Greater(t, time.Since(began), 500*time.Millisecond)
		require.Equal(t, "1001, FIN", p.leave(true).String())
		d.clean()
	})
}

func TestPingsDuringTheGoodbyeDoNoHarm(t *testing.T) {
	stops(t, func(t *testing.T, tls bool) {
		d := run(t)
		p := crowd(t, 1, d.url(tls)+"/ws")[0]
		d.term()
		f, err := p.receive()
		require.NoError(t, err)
		require.EqualValues(t, opClose, f.op())
		for range 10 {
			require.NoError(t, p.send(fin|opPing, []byte("are you there")))
		}
		quiet(t, p) // the connection has outlived them
		require.NoError(t, p.send(fin|opClose, f.body))
		_, err = p.receive()
		require.ErrorIs(t, err, io.EOF)
		_ = p.Close()
		require.Contains(t, d.clean(), ": 1 drained in")
	})
}

func TestAnUpgradeDuringTheDrainGetsItsGoodbye(t *testing.T) {
	stops(t, func(t *testing.T, tls bool) {
		d := run(t)
		p, host, path, err := connect(d.url(tls)+"/ws", 0)
		require.NoError(t, err)
		t.Cleanup(func() { _ = p.Close() })
		request := handshake(host, path)
		_, err = io.WriteString(p, request[:20])
		require.NoError(t, err)
		quiet(t, p)
		witness := crowd(t, 1, d.url(tls)+"/ws")[0]
		d.term()
		require.Equal(t, "1001, FIN", witness.leave(true).String()) // the drain has begun
		_, err = io.WriteString(p, request[20:])
		require.NoError(t, err)
		require.NoError(t, p.upgraded())
		require.Equal(t, "1001, FIN", p.leave(true).String())
		d.clean()
	})
}

func TestSpreadClosesAFewAtATime(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		const n, batch = 40, 10
		d := run(t, "-spread", fmt.Sprint(batch))
		var peers []*peer
		for range n { // the first one will have been idle the longest
			peers = append(peers, crowd(t, 1, d.url(tls)+"/ws")...)
		}
		began := d.term()
		times := closeTimes(t, peers)
		sorted := slices.SortedFunc(slices.Values(times), time.Time.Compare)
		inTurn := 0
		for i, at := range sorted {
			// Intervals are 75 to 125 ms, counted from when the listeners are closed.
			require.Greater(t, at.Sub(began), time.Duration(i/batch)*70*time.Millisecond, "%d", i)
			if turn := i / batch * batch; !times[i].Before(sorted[turn]) && !times[i].After(sorted[turn+batch-1]) {
				inTurn++
			}
		}
		require.Greater(t, inTurn, n*3/4, "idle the longest goes first")
		d.clean()
	})
}

func TestSpreadStaysInsideTheDeadline(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		d := run(t, "-spread", "1", "-timeout", "2s") // 100 would take ten seconds
		peers := crowd(t, 100, d.url(tls)+"/ws")
		began := d.term()
		times := closeTimes(t, peers)
		late := 0
		for _, at := range times {
			require.Less(t, at.Sub(began), 1800*time.Millisecond)
			if at.Sub(began) > 1300*time.Millisecond {
				late++
			}
		}
		require.Greater(t, late, 50, "what is left when three quarters are over goes at once")
		d.clean()
	})
}

func closeTimes(t *testing.T, peers []*peer) []time.Time {
	t.Helper()
	type closed struct {
		i int
		goodbye
	}
	all := make(chan closed)
	for i, p := range peers {
		go func() { all <- closed{i, p.leave(true)} }()
	}
	times := make([]time.Time, len(peers))
	for range peers {
		c := <-all
		require.Equal(t, "1001, FIN", c.String())
		times[c.i] = c.at
	}
	return times
}
