package socketio

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// closing starts CloseSessions and waits until the session has heard of it.
func (p *peer) closing(ctx context.Context, sid string) <-chan error {
	p.Helper()
	done := make(chan error, 1)
	go func() { done <- p.srv.CloseSessions(ctx) }()
	p.until(sid, func(s *session) bool { return s.phase != serving })
	return done
}

// closeNow is CloseSessions without a deadline that matters.
func (p *peer) closeNow() {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), patience)
	defer cancel()
	require.NoError(p, p.srv.CloseSessions(ctx))
	require.Zero(p, p.srv.Sessions())
}

// hold is a handler that waits until it is let go.
func (p *peer) hold() (begun <-chan struct{}, release func()) {
	in, out := make(chan struct{}, 100), make(chan struct{})
	p.srv.Of("/").OnConnection(func(k *Socket) {
		k.On("hold", func(_ []any, ack func(...any)) {
			in <- struct{}{}
			<-out
			ack("done")
		})
	})
	return in, func() { close(out) }
}

func TestRefuseTurnsNewSessionsAway(t *testing.T) {
	p := newChatPeer(t, Options{})
	k := p.joinSocket()
	p.srv.Refuse()
	status, body, header := p.do("GET", "transport=polling", "")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.JSONEq(t, `{"code":503,"message":"Server is shutting down"}`, body)
	require.Equal(t, "1", header.Get("Retry-After"))
	_, res, err := p.tryDial("transport=websocket")
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	k.say(`42["message","still here"]`).want(`42["message-back","still here"]`)
}

func TestShutdownAnswersThePendingPoll(t *testing.T) {
	p := newChatPeer(t, Options{})
	sid := p.join()
	got := p.background(sid)
	p.closeNow()
	require.Equal(t, "1", <-got)
}

func TestShutdownWaitsForTheNextPoll(t *testing.T) {
	p := newChatPeer(t, Options{Linger: patience})
	sid := p.join()
	done := p.closing(t.Context(), sid)
	status, body := p.post(sid, `420["message-with-ack"]`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "ok", body)
	p.wantPoll(sid, "1")
	require.NoError(t, <-done)
}

func TestShutdownLingersForNoLonger(t *testing.T) {
	for _, linger := range []time.Duration{time.Millisecond, -1} {
		p := newChatPeer(t, Options{Linger: linger})
		sid := p.join()
		p.closeNow()
		// The client finds out all the same, as long as someone listens.
		p.wantPoll(sid, "1")
		_, body := p.post(sid, "40")
		require.Equal(t, "ok", body)
		p.wantGone("another")
	}
}

func TestShutdownSays1001AndAwaitsTheAnswer(t *testing.T) {
	p := newChatPeer(t, Options{})
	k := p.joinSocket()
	done := p.closing(t.Context(), p.sid())
	p.until(p.sid(), func(s *session) bool { return s.phase == leaving })
	require.Equal(t, 1001, k.wantClose()) // the peer answers in there
	require.NoError(t, <-done)
}

func TestShutdownDoesNotWaitForAMutePeer(t *testing.T) {
	p := newChatPeer(t, Options{CloseTimeout: time.Millisecond})
	p.joinSocket()
	p.closeNow()
}

func TestShutdownKillsAtTheDeadline(t *testing.T) {
	p := newChatPeer(t, Options{})
	reasons := make(chan Reason, 1)
	p.srv.Of("/").OnConnection(func(k *Socket) { k.OnDisconnect(func(r Reason) { reasons <- r }) })
	p.joinSocket()
	ctx, cancel := context.WithCancel(t.Context())
	done := p.closing(ctx, p.sid())
	cancel()
	err := <-done
	require.ErrorContains(t, err, "1 sessions killed")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, Killed, <-reasons)
}

func TestShutdownLetsHandlersFinish(t *testing.T) {
	p := newChatPeer(t, Options{})
	begun, release := p.hold()
	k := p.joinSocket()
	k.say(`421["hold"]`)
	<-begun
	k.say(`422["message-with-ack","queued"]`)
	sid := p.sid()
	p.until(sid, func(s *session) bool { return len(s.queue) == 1 })
	done := p.closing(t.Context(), sid)
	k.say(`423["message-with-ack","too late"]`)
	release()
	k.want(`431["done"]`, `432["queued"]`)
	require.Equal(t, 1001, k.wantClose())
	require.NoError(t, <-done)
}

func TestShutdownDeliversAcksByPolling(t *testing.T) {
	p := newChatPeer(t, Options{})
	begun, release := p.hold()
	sid := p.join()
	p.post(sid, `421["hold"]`)
	<-begun
	done := p.closing(t.Context(), sid)
	got := p.background(sid)
	release()
	require.Equal(t, `431["done"]`, <-got)
	p.wantPoll(sid, "1")
	require.NoError(t, <-done)
}

func TestShutdownDeliversAcksBetweenTwoPolls(t *testing.T) {
	p := newChatPeer(t, Options{Linger: patience})
	sid := p.join()
	p.post(sid, `421["message-with-ack"]`)
	p.until(sid, func(s *session) bool { return len(s.out) == 1 })
	done := p.closing(t.Context(), sid)
	p.wantPoll(sid, `431[]`)
	p.wantPoll(sid, "1")
	require.NoError(t, <-done)
}

func TestShutdownLeavesStuckHandlersBehind(t *testing.T) {
	p := newChatPeer(t, Options{})
	begun, release := p.hold()
	defer release()
	k := p.joinSocket().say(`421["hold"]`, `422["hold"]`)
	<-begun
	p.until(p.sid(), func(s *session) bool { return len(s.queue) == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	done := p.closing(ctx, p.sid())
	cancel()
	require.ErrorContains(t, <-done, "1 sessions killed")
	require.Equal(t, 1006, k.wantClose())
	require.Equal(t, 1, p.srv.Sessions(), "its handler is still running")
	p.until(p.sid(), func(s *session) bool { return len(s.queue) == 1 && s.queue[0].vital })
}

func TestShutdownInTheMiddleOfAnUpgrade(t *testing.T) {
	t.Run("before the probe", func(t *testing.T) {
		p := newChatPeer(t, Options{})
		sid := p.join()
		k := p.dial(sid)
		p.until(sid, func(s *session) bool { return s.probe != nil && s.probe.conn != nil })
		got := p.background(sid)
		p.closeNow()
		require.Equal(t, "1", <-got)
		require.Equal(t, 1000, k.wantClose())
	})
	t.Run("after the probe", func(t *testing.T) {
		p := newChatPeer(t, Options{Linger: patience})
		sid := p.join()
		k := p.dial(sid).say("2probe").want("3probe")
		done := p.closing(t.Context(), sid)
		k.say("5") // the client has stopped polling
		require.Equal(t, 1001, k.wantClose())
		require.NoError(t, <-done)
	})
}

func TestShutdownMayBeAskedForTwice(t *testing.T) {
	p := newChatPeer(t, Options{Linger: patience})
	sid := p.join()
	first, second := p.closing(t.Context(), sid), p.closing(t.Context(), sid)
	p.wantPoll(sid, "1")
	require.NoError(t, <-first)
	require.NoError(t, <-second)
	p.closeNow()
}

func TestAdmitTakesNewSessionsInAgain(t *testing.T) {
	p := newChatPeer(t, Options{})
	p.join()
	p.closeNow()
	status, _, _ := p.do("GET", "transport=polling", "")
	require.Equal(t, http.StatusServiceUnavailable, status)
	p.srv.Admit()
	p.joinSocket().say(`42["message","back"]`).want(`42["message-back","back"]`)
	p.closeNow()
}
