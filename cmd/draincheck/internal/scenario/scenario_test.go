//go:build unix

package scenario

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/cmd/draincheck/internal/testserver"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

func TestNothingIsLostWithACleanServer(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			secure := s == tlsKeepAlive || s == tlsInFlight || s == tlsSilent
			srv := serve(t, testserver.Clean, secure)
			p := srv.plan(t)
			if s.Needs(p) != "" {
				t.Skip("HTTP/2 has tests of its own")
			}
			trial := play(t, s, p, srv)
			assert.Zero(t, trial.Lost())
			assert.Zero(t, trial.Of(verdict.LeftOpen))
			assert.NotZero(t, trial.Connections)
			assert.Len(t, trial.Lines, min(p.Conns, len(trial.Lines)))
			select {
			case <-srv.exited:
			case <-time.After(5 * time.Second):
				t.Error("a client holds the server up")
			}
		})
	}
}

func TestWhatAServerLosesIsFoundAndNamed(t *testing.T) {
	for _, c := range []struct {
		mode     testserver.Mode
		scenario *Scenario
		want     verdict.Outcome
		only     bool // no other kind of loss
	}{
		{testserver.CloseIdle, rtt, verdict.LostClosed, false},
		{testserver.CloseIdle, blind, verdict.LostClosed, false},
		{testserver.CloseIdle, pipelining, verdict.LostClosed, false},
		{testserver.CutAfterHeader, keepAlive, verdict.LostCut, true},
		{testserver.CutAfterHeader, tlsKeepAlive, verdict.LostCut, true},
		{testserver.CutAfterHeader, inFlight, verdict.LostCut, true},
		{testserver.CutAfterHeader, tlsInFlight, verdict.LostCut, true},
		{testserver.CutAfterHeader, stream, verdict.LostCut, false}, // and the next request, behind the last whole response
		{testserver.CutAfterHeader, events, verdict.LostCut, true},
		{testserver.CutAfterHeader, wsMessage, verdict.LostCut, true},
		{testserver.ResetAll, inFlight, verdict.LostReset, true},
		{testserver.ResetAll, rtt, verdict.LostReset, false}, // a relay that is late may make a FIN of it
		{testserver.ResetAll, download, verdict.LostCut, true},
		{testserver.ResetAll, wsQueued, verdict.LostCut, false},
		{testserver.ResetAll, wsIdle, verdict.LostCut, true},
		{testserver.ResetAll, wsMute, verdict.LostCut, true},
		{testserver.ExitAtOnce, inFlight, verdict.LostClosed, true},
		{testserver.CloseIdle, early, verdict.LostCut, true},
	} {
		t.Run(string(c.mode)+" "+c.scenario.Name, func(t *testing.T) {
			t.Parallel()
			sum := several(t, c.scenario, c.mode)
			assert.NotZero(t, sum.Of(c.want), "%v", c.want)
			if c.only {
				assert.Equal(t, sum.Of(c.want), sum.Lost(), "%v", sum)
			}
		})
	}
}

func TestEveryRequestInFlightIsCounted(t *testing.T) {
	srv := serve(t, testserver.ResetAll, false)
	p := srv.plan(t)
	trial := play(t, inFlight, p, srv)
	assert.Equal(t, p.Conns, trial.Of(verdict.LostReset))
	assert.Equal(t, p.Conns, trial.Connections)
}

func TestARequestWithoutAnAnswerTimesOut(t *testing.T) {
	srv := serve(t, testserver.Mute, false)
	p := srv.plan(t)
	p.Timeout = 500 * time.Millisecond
	trial := play(t, keepAlive, p, srv)
	assert.Equal(t, p.Conns, trial.Of(verdict.LostTimedOut))
	assert.Equal(t, p.Conns, trial.Lost())
}

func TestA503IsNotLost(t *testing.T) {
	sum := several(t, keepAlive, testserver.Unavailable)
	assert.Zero(t, sum.Lost())
	assert.NotZero(t, sum.Of(verdict.Repeat))
}

func TestAnErrorIsAnAnswerThatIsNoted(t *testing.T) {
	srv := serve(t, testserver.Clean, false)
	p := srv.plan(t)
	p.URL = srv.url(t, "/nowhere")
	trial := play(t, keepAlive, p, srv)
	assert.Zero(t, trial.Lost())
	assert.Equal(t, map[int]int{404: trial.Of(verdict.Answered)}, trial.ErrorStatus)
}

func TestConnectionsAfterTheEndAreRefused(t *testing.T) {
	srv := serve(t, testserver.Clean, false)
	p := srv.plan(t)
	trial := play(t, newConn, p, srv)
	assert.Equal(t, p.Conns, trial.Of(verdict.Refused), "each client goes on until it is refused")
}

func TestCloseCodesAreSeen(t *testing.T) {
	clean := several(t, wsIdle, testserver.Clean)
	assert.Equal(t, map[int]int{1001: 2 * testConns}, clean.CloseCodes)
	cut := several(t, wsIdle, testserver.ResetAll)
	assert.Equal(t, map[int]int{1006: 2 * testConns}, cut.CloseCodes)
}

func TestHTTP2(t *testing.T) {
	shutdown := func(s *http.Server) { s.Shutdown(context.Background()) }
	closeAll := func(s *http.Server) { s.Close() }
	plan := func(srv *local) *Plan {
		p := srv.plan(t)
		p.H2 = srv.url(t, "/")
		p.Slow = srv.url(t, "/slow")
		return p
	}
	t.Run("streams around the GOAWAY", func(t *testing.T) {
		srv := netHTTP(t, true, shutdown)
		trial := play(t, h2, plan(srv), srv)
		assert.Zero(t, trial.Lost())
		assert.NotZero(t, trial.Of(verdict.Answered))
	})
	t.Run("streams in flight", func(t *testing.T) {
		srv := netHTTP(t, true, shutdown)
		trial := play(t, h2InFlight, plan(srv), srv)
		assert.Zero(t, trial.Lost())
		assert.GreaterOrEqual(t, trial.Of(verdict.Answered), testConns*h2Streams)
	})
	t.Run("a server that closes without a GOAWAY", func(t *testing.T) {
		srv := netHTTP(t, true, closeAll)
		trial := play(t, h2InFlight, plan(srv), srv)
		assert.Equal(t, testConns*h2Streams, trial.Lost())
	})
	t.Run("a server that has no HTTP/2", func(t *testing.T) {
		srv := serve(t, testserver.Clean, true)
		_, err := h2.Run(t.Context(), plan(srv), srv)
		require.ErrorContains(t, err, "no application protocol")
	})
}

// What net/http loses is known: draincheck must find losses of that size.
func TestNetHTTPShutdownIsSeenLosing(t *testing.T) {
	for _, c := range []struct {
		scenario *Scenario
		least    int // of 64 clients
	}{
		{rtt, 32}, {blind, 32}, {pipelining, 64}, {firstRequest, 60},
	} {
		t.Run(c.scenario.Name, func(t *testing.T) {
			srv := netHTTP(t, false, func(s *http.Server) { s.Shutdown(context.Background()) })
			p := srv.plan(t)
			p.Conns = 64
			trial := play(t, c.scenario, p, srv)
			assert.GreaterOrEqual(t, trial.Lost(), c.least)
		})
	}
}

func TestATrialThatCannotBegin(t *testing.T) {
	t.Run("nobody there", func(t *testing.T) {
		srv := serve(t, testserver.Clean, false)
		p := srv.plan(t)
		srv.stop()
		<-srv.exited
		_, err := keepAlive.Run(t.Context(), p, &local{exited: make(chan struct{})})
		require.ErrorContains(t, err, "before the signal")
	})
	t.Run("crashed", func(t *testing.T) {
		srv := serve(t, testserver.Clean, false)
		p := srv.plan(t)
		srv.stop()
		<-srv.exited
		_, err := keepAlive.Run(t.Context(), p, srv)
		require.ErrorIs(t, err, ErrCrashed)
	})
	t.Run("no WebSocket there", func(t *testing.T) {
		srv := serve(t, testserver.Clean, false)
		p := srv.plan(t)
		p.WS = p.URL
		_, err := wsIdle.Run(t.Context(), p, srv)
		require.ErrorContains(t, err, "is no WebSocket")
	})
	t.Run("no HTTP there", func(t *testing.T) {
		srv := serve(t, testserver.Clean, true)
		p := srv.plan(t)
		p.Download.Scheme = "http"
		trial, err := download.Run(t.Context(), p, srv)
		require.NoError(t, err)
		require.Equal(t, testConns, trial.Early)
		require.Zero(t, trial.Lost(), "the shutdown has nothing to do with it")
	})
	t.Run("a loss that isn't the shutdown's", func(t *testing.T) {
		srv := serve(t, rude, false)
		_, err := early.Run(t.Context(), srv.plan(t), srv)
		require.ErrorContains(t, err, errEarly.Error())
	})
	t.Run("not found", func(t *testing.T) {
		srv := serve(t, testserver.Clean, false)
		p := srv.plan(t)
		for _, u := range []**url.URL{&p.Slow, &p.Stream, &p.Download, &p.Early, &p.SSE} {
			*u = srv.url(t, "/nowhere")
		}
		for _, s := range []*Scenario{inFlight, stream, download, early, events} {
			_, err := s.Run(t.Context(), p, srv)
			require.ErrorContains(t, err, "/nowhere answers 404", s.Name)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		srv := serve(t, testserver.Clean, false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := keepAlive.Run(ctx, srv.plan(t), srv)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("never an answer", func(t *testing.T) {
		srv := serve(t, testserver.Clean, false)
		p := srv.plan(t)
		p.URL = p.Slow
		p.Timeout = 100 * time.Millisecond
		_, err := keepAlive.Run(t.Context(), p, srv)
		require.ErrorContains(t, err, "had no answer")
	})
}

func TestScenariosSayWhatTheyNeed(t *testing.T) {
	for _, s := range All() {
		assert.Regexp(t, "^-[a-z0-9-]+( and -[a-z0-9-]+)?$", s.Needs(&Plan{}), s.Name)
		assert.NotEmpty(t, s.Title)
	}
}
