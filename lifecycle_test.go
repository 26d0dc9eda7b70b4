package drain_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"sort"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

func TestP5_OneDeadlineForAllServers(t *testing.T) {
	a, b := &rig{T: t, held: make(chan *hold, 10)}, &rig{T: t, held: make(chan *hold, 10)}
	h := begin(t, drain.Config{Timeout: time.Second},
		servers.HTTP(a.server(), servers.HTTPOptions{Name: "a"}), servers.HTTP(b.server(), servers.HTTPOptions{Name: "b"}))
	a.addr, b.addr = h.Addrs()["a"], h.Addrs()["b"]
	a.dial().get("/hold")
	b.dial().get("/obedient")
	stubborn, obedient := a.next(), b.next()
	defer close(stubborn.finish)
	began := time.Now()
	report, err := h.Shutdown(t.Context())
	took := time.Since(began)
	require.ErrorIs(t, err, drain.ErrCut)
	assert.Less(t, took, 1300*time.Millisecond, "one deadline, not one each")
	assert.Equal(t, 1, report.Sum().Running)
	assert.Error(t, obedient.r.Context().Err())
}

func TestP6_ReportFollowsTheLastConnectionAtOnce(t *testing.T) {
	var delays []time.Duration
	for range 20 {
		r := start(t, drain.Config{}, false)
		c := r.dial().get("/hold")
		h := r.next()
		reports := r.shutdown()
		close(h.finish)
		c.answer()
		_ = c.Close()
		ended := time.Now()
		require.NoError(t, r.report(reports).Err())
		delays = append(delays, time.Since(ended))
	}
	sort.Slice(delays, func(i, j int) bool { return delays[i] < delays[j] })
	t.Logf("client's close to Report: median %s, worst %s", delays[len(delays)/2], delays[len(delays)-1])
	assert.Less(t, delays[len(delays)/2], 20*time.Millisecond, "http.Server.Shutdown polls: 181 ms")
}

func TestP8_PanicOfAHandlerEndsItsConnectionAlone(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		bad, good := r.dial().get("/panic"), r.dial()
		bad.get("/x") // pipelined: it dies with the connection
		h := r.next()
		good.get("/hold")
		held := r.next()
		reports := r.shutdown()
		close(h.finish)
		_, err := http.ReadResponse(bad.r, nil)
		require.Error(t, err)
		close(held.finish)
		_, body := good.answer()
		assert.Equal(t, "held", body)
		_, _ = bad.Close(), good.Close()
		report := r.report(reports)
		require.ErrorIs(t, report.Err(), drain.ErrCut)
		assert.Equal(t, 1, report.Sum().Crashed)
		assert.Equal(t, 1, report.Sum().Lost)
		assert.Equal(t, 1, report.Sum().Drained)
	})
}

func TestP8_KilledConnectionActorEndsItsConnectionAlone(t *testing.T) {
	r := start(t, drain.Config{}, false)
	before := r.pids()
	c, other := r.dial(), r.dial()
	c.get("/hello").answer()
	other.get("/hello").answer()
	added := difference(r.pids(), before)
	require.Len(t, added, 2)
	r.System().Root.Stop(actor.NewPID("nonhost", added[0]))
	// One of the two is cut, the other one goes on.
	cut, alive := c, other
	if _, err := other.raw.Read(nil); err != nil {
		cut, alive = other, c
	}
	_ = cut.raw.SetReadDeadline(time.Now().Add(time.Second))
	if _, err := cut.r.ReadByte(); errors.Is(err, os.ErrDeadlineExceeded) {
		cut, alive = alive, cut
	}
	_ = alive.raw.SetReadDeadline(time.Now().Add(patience))
	_, body := alive.get("/hello").answer()
	assert.Equal(t, "hello", body)
	_ = alive.Close()
	_, err := r.Shutdown(t.Context())
	require.NoError(t, err, "it was before the drain")
	assert.EqualValues(t, 1, r.counts().Crashed)
}

func TestP8_StoppedServerActorIsReported(t *testing.T) {
	one, two := &rig{T: t, held: make(chan *hold, 10)}, &rig{T: t, held: make(chan *hold, 10)}
	h := begin(t, drain.Config{}, servers.HTTP(one.server(), servers.HTTPOptions{Name: "one"}),
		servers.HTTP(two.server(), servers.HTTPOptions{Name: "two"}))
	one.Handle, two.Handle = h, h
	one.addr, two.addr = h.Addrs()["one"], h.Addrs()["two"]
	lost, kept := one.dial(), two.dial()
	lost.get("/hello").answer()
	kept.get("/hello").answer()
	status, err := h.Status(t.Context())
	require.NoError(t, err)
	for _, s := range status.Servers {
		if s.Name == "one" {
			h.System().Root.Stop(s.Server)
		}
	}
	_, err = lost.r.ReadByte()
	require.Error(t, err, "a failed server takes down its own connections")
	_, body := kept.get("/hello").answer()
	assert.Equal(t, "hello", body)
	_ = kept.Close()
	report, err := h.Shutdown(t.Context())
	require.ErrorContains(t, err, "without a goodbye")
	assert.Equal(t, 1, report.Sum().Crashed)
}

func TestP8_NothingLeaks(t *testing.T) {
	system := actor.NewActorSystem(actor.WithDeadLetterThrottleInterval(time.Millisecond))
	before := pidsOf(system)
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
	for range 3 {
		r := start(t, drain.Config{System: system}, true)
		for range 20 {
			c := r.dial()
			c.get("/hello").answer()
			_ = c.Close()
		}
		_, err := r.Shutdown(t.Context())
		require.NoError(t, err)
	}
	eventually(t, func() bool { return len(pidsOf(system)) <= len(before) })
	eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, func() bool { return openDescriptors(t) <= descriptors })
}

func TestP10_EveryoneGetsTheSameReport(t *testing.T) {
	r := start(t, drain.Config{}, false)
	c := r.dial().get("/hold")
	h := r.next()
	reports := make(chan drain.Report, 10)
	for range 5 {
		go func() {
			report, _ := r.Shutdown(context.Background())
			reports <- report
		}()
	}
	byMessage := make(chan messages.Report, 1)
	r.System().Root.Send(r.PID(), messages.Shutdown{Reason: "by message", Reply: byMessage})
	close(h.finish)
	c.answer()
	_ = c.Close()
	first := r.report(reports)
	require.NoError(t, first.Err())
	for range 4 {
		assert.Equal(t, first, r.report(reports))
	}
	assert.Equal(t, first, r.report(byMessage))
	again, err := r.Shutdown(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, again, "and whoever asks later")
}

func TestP10_ForceTurnsTheDrainIntoAKill(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		r.dial().get("/obedient")
		r.next()
		r.dial() // silent: it would have a second
		waitOpen(t, r, 2)
		reports := r.shutdown()
		began := time.Now()
		_, err := r.ForceShutdown(t.Context())
		require.ErrorIs(t, err, drain.ErrCut)
		report := r.report(reports)
		assert.True(t, report.Forced)
		sum := report.Sum()
		assert.Equal(t, 2, sum.Killed+sum.Drained, "the obedient handler may have answered")
		assert.GreaterOrEqual(t, sum.Killed, 1)
		assert.Less(t, time.Since(began), 800*time.Millisecond)
	})
}

func TestP10_ContextAsksForTheDrain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := &rig{T: t, held: make(chan *hold, 1)}
	done := make(chan error, 1)
	go func() {
		_, err := drain.Run(ctx, servers.HTTP(r.server()))
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		if err != nil { // it was cancelled before it had started
			require.ErrorIs(t, err, context.Canceled)
		}
	case <-time.After(patience):
		require.Fail(t, "Run did not return")
	}
}

func TestP10_StartedDrainedAndStartedAgain(t *testing.T) {
	r := &rig{T: t, held: make(chan *hold, 10)}
	srv := r.server()
	hooks := make(chan struct{}, 10)
	srv.RegisterOnShutdown(func() { hooks <- struct{}{} })
	managed := servers.HTTP(srv)
	for range 3 {
		h := begin(t, drain.Config{}, managed)
		r.addr = h.Addrs()["http"]
		c := r.dial()
		_, body := c.get("/hello").answer()
		assert.Equal(t, "hello", body)
		_ = c.Close()
		_, err := h.Shutdown(t.Context())
		require.NoError(t, err)
		<-hooks // the user's hook runs at the end of each
		eventually(t, func() bool { return !managed.Managed() })
	}
}

func TestReadyDelayServesOnAsBefore(t *testing.T) {
	r := start(t, drain.Config{ReadyDelay: 300 * time.Millisecond}, false)
	reports := make(chan drain.Report, 1)
	go func() {
		report, _ := r.Shutdown(context.Background())
		reports <- report
	}()
	eventually(t, func() bool { p, _ := r.Gauges().Phase(); return p == messages.PhaseAnnounced })
	c := r.dial()
	resp, _ := c.get("/hello").answer()
	assert.False(t, resp.Close, "not draining yet")
	report := r.report(reports)
	require.NoError(t, report.Err())
	assert.Equal(t, messages.PhaseAnnounced, report.Phases[0].Phase)
}

func TestServerShutdownOfTheUserDrains(t *testing.T) {
	r := &rig{T: t, held: make(chan *hold, 10)}
	srv := r.server()
	hooked := make(chan struct{})
	srv.RegisterOnShutdown(func() { close(hooked) }) // twice would be a panic
	managed := servers.HTTP(srv)
	h := begin(t, drain.Config{}, managed)
	r.addr = h.Addrs()["http"]
	c := r.dial().get("/hold")
	held := r.next()
	returned := make(chan error, 1)
	go func() { returned <- srv.Shutdown(context.Background()) }()
	eventually(t, func() bool {
		nc, err := net.Dial("tcp", r.addr)
		if err == nil {
			_ = nc.Close()
		}
		return err != nil
	})
	select {
	case <-returned:
		require.Fail(t, "Shutdown returned while a request was in flight")
	default:
	}
	close(held.finish)
	_, body := c.answer()
	assert.Equal(t, "held", body)
	_ = c.Close()
	require.NoError(t, <-returned)
	report, err := h.Wait() // its only server is gone
	require.NoError(t, err)
	assert.Contains(t, report.Reason, "http.Server.Shutdown")
	assert.GreaterOrEqual(t, report.Took, report.Servers[0].Took)
	<-hooked
	eventually(t, func() bool { return !managed.Managed() })
}

func TestSuspendAndResume(t *testing.T) {
	r := start(t, drain.Config{}, false)
	kept := r.dial()
	kept.get("/hello").answer()
	require.NoError(t, r.Suspend(t.Context(), "http"))
	_, err := net.Dial("tcp", r.addr)
	require.Error(t, err)
	_, body := kept.get("/hello").answer()
	assert.Equal(t, "hello", body, "what is connected is served on")
	require.NoError(t, r.Resume(t.Context(), "http"))
	assert.Equal(t, r.addr, r.Addrs()["http"], "any port was asked for: the one that clients know is kept")
	_, body = r.dial().get("/hello").answer()
	assert.Equal(t, "hello", body)
	require.ErrorContains(t, r.Suspend(t.Context(), "nobody"), `named "nobody"`)

	require.NoError(t, r.Suspend(t.Context(), "http"))
	taken, err := net.Listen("tcp", r.addr)
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	fixed := servers.HTTP(&http.Server{Addr: r.addr}, servers.HTTPOptions{Name: "fixed"})
	require.ErrorContains(t, r.Register(t.Context(), fixed), `drain: server "fixed": cannot listen on`)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	given := servers.HTTP(&http.Server{}, servers.HTTPOptions{Name: "given", Listener: ln})
	require.NoError(t, r.Register(t.Context(), given))
	require.ErrorContains(t, r.Suspend(t.Context(), "given"), `drain: server "given": the listener`, "who it is")
}

func TestRegisterAndUnregister(t *testing.T) {
	r := start(t, drain.Config{}, false)
	late := &rig{T: t, Handle: r.Handle, held: make(chan *hold, 10)}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	late.addr = ln.Addr().String()
	waiting := late.dial().get("/hello") // in the accept queue of an open listener
	require.NoError(t, r.Register(t.Context(), servers.HTTP(late.server(), servers.HTTPOptions{Name: "late", Listener: ln})))
	_, body := waiting.answer()
	assert.Equal(t, "hello", body)
	_ = waiting.Close()
	_, err = r.Unregister(t.Context(), "nobody")
	require.ErrorContains(t, err, "there are [http late]")
	report, err := r.Unregister(t.Context(), "late")
	require.NoError(t, err)
	assert.Equal(t, "late", report.Name)
	_, err = net.Dial("tcp", late.addr)
	require.Error(t, err)
	_, body = r.dial().get("/hello").answer()
	assert.Equal(t, "hello", body, "the others go on")
}
