package socketio

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGuardsTurnClientsAway(t *testing.T) {
	p := newChatPeer(t, Options{})
	p.srv.Of("/").Use(func(k *Socket) error {
		if k.Handshake().Auth["token"] == "secret" {
			return nil
		}
		return errors.New("not authorized")
	})
	k := p.dial("")
	k.hear()
	k.say("40").want(`44{"message":"not authorized"}`)
	require.True(t, strings.HasPrefix(k.say(`40{"token":"secret"}`).hear(), `40{"sid":`))
}

func TestEmitWithAck(t *testing.T) {
	p := newChatPeer(t, Options{})
	answers, failures := make(chan []any, 1), make(chan error, 1)
	p.srv.Of("/").OnConnection(func(k *Socket) {
		k.On("ask", func([]any, func(...any)) {
			answer, err := k.EmitWithAck(k.Context(), "question", "?")
			answers <- answer
			failures <- err
		})
		k.On("hurry", func([]any, func(...any)) {
			ctx, cancel := context.WithCancel(k.Context())
			cancel()
			_, err := k.EmitWithAck(ctx, "question", "!")
			failures <- err
		})
	})
	k := p.joinSocket().say(`42["ask"]`).want(`420["question","?"]`).say(`430["yes",1]`)
	require.Equal(t, []any{"yes", 1.0}, <-answers)
	require.NoError(t, <-failures)

	k.say(`42["hurry"]`).want(`421["question","!"]`)
	require.ErrorIs(t, <-failures, context.Canceled)
	k.say(`431["nobody waits"]`)

	k.say(`42["ask"]`).want(`422["question","?"]`).say("41")
	<-answers
	require.ErrorIs(t, <-failures, ErrDisconnected)
}

func TestAckCountsOnce(t *testing.T) {
	p := newChatPeer(t, Options{})
	p.srv.Of("/").OnConnection(func(k *Socket) {
		k.On("twice", func(_ []any, ack func(...any)) { ack(); ack() })
	})
	p.joinSocket().say(`425["twice"]`, `42["twice"]`, `426["message-with-ack"]`).want(`435[]`, `436[]`)
}

func TestBroadcastAndDisconnect(t *testing.T) {
	p := newChatPeer(t, Options{})
	sockets, reasons := make(chan *Socket, 1), make(chan Reason, 1)
	p.srv.Of("/").OnConnection(func(k *Socket) {
		k.OnDisconnect(func(r Reason) { reasons <- r })
		sockets <- k
	})
	k := p.joinSocket()
	s := <-sockets
	require.Equal(t, "/", s.Namespace())
	require.NotEmpty(t, s.ID())
	require.NotEmpty(t, s.Handshake().RemoteAddr)
	require.NoError(t, p.srv.Of("/").Emit("news", []byte("x"), map[string]any{"a": []byte("y")}))
	k.want(`452-["news",{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]`, "x", "y")
	s.Disconnect()
	k.want("41")
	require.Equal(t, ServerLeft, <-reasons)
	require.NoError(t, s.Emit("lost"), "the session is there, the client may come back")
	k.say("1").wantClose()
	<-s.client.s.done
	require.ErrorIs(t, s.Emit("lost"), ErrDisconnected)
	require.Error(t, s.Context().Err())
}

func TestReasons(t *testing.T) {
	for want, do := range map[Reason]func(*socket){
		ClientLeft:     func(k *socket) { k.say("41") },
		TransportClose: func(k *socket) { _ = k.conn.Close() },
		ParseError:     func(k *socket) { k.say("x") },
		TransportError: func(k *socket) { k.say("4" + strings.Repeat("x", 2000)) },
		PingTimeout:    func(k *socket) { k.until(k.sid(), shortenPing) },
		HandlerPanic:   func(k *socket) { k.say(`42["panic"]`) },
	} {
		t.Run(string(want), func(t *testing.T) {
			p := newChatPeer(t, Options{MaxPayload: 1000, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
			reasons := make(chan Reason, 2)
			p.srv.Of("/").OnConnection(func(k *Socket) {
				k.OnDisconnect(func(r Reason) { reasons <- r })
				k.On("panic", func([]any, func(...any)) { panic("oops") })
			})
			do(p.joinSocket())
			require.Equal(t, want, <-reasons)
			require.Empty(t, reasons)
		})
	}
}

func shortenPing(s *session) bool {
	s.awaiting = true
	s.heartbeat.Reset(time.Millisecond)
	return true
}

func TestOneSessionsPanicIsItsOwn(t *testing.T) {
	p := newChatPeer(t, Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	p.srv.Of("/").OnConnection(func(k *Socket) {
		k.On("panic", func([]any, func(...any)) { panic("oops") })
	})
	other := p.joinSocket()
	require.Equal(t, 1011, p.joinSocket().say(`42["panic"]`).wantClose())
	other.say(`42["message",1]`).want(`42["message-back",1]`)
}

func TestBacklogHoldsTheClientBack(t *testing.T) {
	p := newChatPeer(t, Options{Backlog: 1})
	begun, release := p.hold()
	sid := p.join()
	p.post(sid, `421["hold"]`)
	<-begun
	answered := make(chan string, 1)
	go func() { _, body := p.post(sid, `422["message-with-ack"]`); answered <- body }()
	p.until(sid, func(s *session) bool { return len(s.held) == 1 })
	require.Empty(t, answered)
	release()
	require.Equal(t, "ok", <-answered)
}

func TestSendQueueIsBounded(t *testing.T) {
	p := newChatPeer(t, Options{SendQueue: 10})
	reasons := make(chan Reason, 1)
	p.srv.Of("/").OnConnection(func(k *Socket) {
		k.OnDisconnect(func(r Reason) { reasons <- r })
		k.On("flood", func([]any, func(...any)) {
			for range 20 {
				_ = k.Emit("drop")
			}
		})
	})
	p.post(p.join(), `42["flood"]`)
	require.Equal(t, QueueFull, <-reasons)
}

func TestMaxPayload(t *testing.T) {
	p := newChatPeer(t, Options{MaxPayload: 100})
	sid := p.join()
	status, body := p.post(sid, "4"+strings.Repeat("x", 100))
	require.Equal(t, http.StatusRequestEntityTooLarge, status)
	require.JSONEq(t, `{"code":413,"message":"Payload too large"}`, body)
	p.wantGone(sid)
	require.Equal(t, 1009, p.joinSocket().say("4"+strings.Repeat("x", 100)).wantClose())
}

func TestTwoPostsAtOnceCloseTheSession(t *testing.T) {
	p := newChatPeer(t, Options{})
	sid := p.join()
	body, write := io.Pipe()
	failed := make(chan int, 1)
	go func() {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", p.url+"?EIO=4&"+polling(sid), body)
		res, err := p.http.Do(r)
		if err == nil {
			_ = res.Body.Close()
			failed <- res.StatusCode
		}
	}()
	p.until(sid, func(s *session) bool { return s.posting })
	status, _ := p.post(sid, "40")
	require.Equal(t, http.StatusBadRequest, status)
	_ = write.Close()
	require.Equal(t, http.StatusBadRequest, <-failed)
	p.wantGone(sid)
}

func TestAStuckUpgradeIsGivenUp(t *testing.T) {
	p := newChatPeer(t, Options{UpgradeTimeout: 10 * time.Millisecond})
	sid := p.join()
	require.Equal(t, 1000, p.dial(sid).wantClose())
	p.post(sid, `420["message-with-ack"]`)
	p.wantPoll(sid, `430[]`)
}

func TestAPollGivenUpEndsTheSession(t *testing.T) {
	p := newChatPeer(t, Options{})
	sid := p.join()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", p.url+"?EIO=4&"+polling(sid), nil)
	require.NoError(t, err)
	v, _ := p.srv.sessions.Load(sid)
	go func() {
		if res, err := p.http.Do(r); err == nil {
			_ = res.Body.Close()
		}
	}()
	p.until(sid, func(s *session) bool { return s.pending != nil })
	cancel()
	<-v.(*session).done
}

func TestCORS(t *testing.T) {
	const listed, other = "https://listed.example", "https://other.example"
	for _, c := range []struct {
		name    string
		opts    Options
		origin  string
		status  int
		allowed string
		cookies string
	}{
		{"no list", Options{}, other, 403, "", ""},
		{"own host", Options{}, "own", 200, "", ""},
		{"listed", Options{Origins: []string{listed}}, listed, 200, listed, ""},
		{"not listed", Options{Origins: []string{listed}}, other, 403, "", ""},
		{"a page without an origin", Options{}, "null", 403, "", ""},
		{"all", Options{Origins: []string{"*"}}, other, 200, "*", ""},
		{"listed with credentials", Options{Origins: []string{listed}, Credentials: true}, listed, 200, listed, "true"},
		{"all with credentials", Options{Origins: []string{"*"}, Credentials: true}, other, 200, "*", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newChatPeer(t, c.opts)
			if c.origin == "own" {
				c.origin = strings.TrimSuffix(p.url, "/socket.io/")
			}
			for _, method := range []string{"GET", "OPTIONS"} {
				want := c.status
				if method == "OPTIONS" && want == http.StatusOK {
					want = http.StatusNoContent
				}
				status, _, header := p.do(method, "transport=polling", "", "Origin", c.origin, "Access-Control-Request-Headers", "X-Mine")
				require.Equal(t, want, status)
				require.Equal(t, c.allowed, header.Get("Access-Control-Allow-Origin"))
				require.Equal(t, c.cookies, header.Get("Access-Control-Allow-Credentials"))
				require.Contains(t, header.Values("Vary"), "Origin")
				if status == http.StatusNoContent {
					require.Equal(t, "X-Mine", header.Get("Access-Control-Allow-Headers"))
				}
			}
		})
	}
}
