package wsactor_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
	"github.com/godrain/drain/servers/wsactor"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The framework counts dead letters in a goroutine that lives for a second.
		goleak.IgnoreTopFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func4.1"))
}

func newSystem() *actor.ActorSystem {
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
}

// stage is a managed server with one Handler.
type stage struct {
	*testing.T
	*drain.Handle
}

func open(t *testing.T, system *actor.ActorSystem, o wsactor.Options) *stage {
	config := drain.Config{Timeout: 10 * time.Second, Logger: slog.New(slog.DiscardHandler), System: system}
	config.IdleGrace = -1
	h, err := config.Start(t.Context(), servers.HTTP(&http.Server{Addr: "127.0.0.1:0", Handler: wsactor.New(system, o)}))
	require.NoError(t, err)
	t.Cleanup(func() { <-h.Done() }) // t.Context ends first
	return &stage{t, h}
}

func (s *stage) dial() *websocket.Conn {
	conn, resp, err := websocket.DefaultDialer.Dial("ws://"+s.Addrs()["http"]+"/", nil)
	require.NoError(s, err)
	_ = resp.Body.Close()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	s.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (s *stage) expect(conn *websocket.Conn, want string) {
	s.Helper()
	_, got, err := conn.ReadMessage()
	require.NoError(s, err)
	require.Equal(s, want, string(got))
}

func (s *stage) expectClose(conn *websocket.Conn, code int) {
	s.Helper()
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			require.True(s, websocket.IsCloseError(err, code), err)
			return
		}
	}
}

// parrot is an actor that answers each message; held ones wait for release.
func parrot(release <-chan struct{}, events chan<- any) actor.ReceiveFunc {
	return func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case wsactor.Opened, wsactor.Closed:
			events <- m
		case *wsactor.Message:
			events <- m
			if release != nil {
				<-release
			}
			ctx.Send(m.Session.PID(), wsactor.Text(strings.ToUpper(string(m.Data))))
		}
	}
}

func TestAnActorConverses(t *testing.T) {
	system, events := newSystem(), make(chan any, 16)
	to := system.Root.Spawn(actor.PropsFromFunc(parrot(nil, events)))
	s := open(t, system, wsactor.Options{Actor: to})
	conn := s.dial()
	assert.IsType(t, wsactor.Opened{}, <-events)
	for _, word := range []string{"one", "two", strings.Repeat("three ", 5000)} {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(word)))
		s.expect(conn, strings.ToUpper(word))
		assert.IsType(t, &wsactor.Message{}, <-events)
	}
	require.NoError(t, conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4000, "bye")))
	closed := (<-events).(wsactor.Closed)
	assert.True(t, websocket.IsCloseError(closed.Err, 4000), closed.Err)
	s.expectClose(conn, 4000)
	require.ErrorIs(t, closed.Session.Send(context.Background(), wsactor.Text("late")), wsactor.ErrEnded)
}

func TestAFunctionConverses(t *testing.T) {
	s := open(t, newSystem(), wsactor.Options{Func: func(m *wsactor.Message) {
		_ = m.Session.Send(context.Background(), wsactor.Binary(append([]byte("got "), m.Data...)))
	}})
	conn := s.dial()
	require.NoError(t, conn.WriteMessage(websocket.BinaryMessage, []byte("this")))
	s.expect(conn, "got this")
}

// As in net/http, what panics ends its connection alone.
func TestAFunctionThatPanicsEndsItsSession(t *testing.T) {
	s := open(t, newSystem(), wsactor.Options{Func: func(m *wsactor.Message) {
		if string(m.Data) == "panic" {
			panic("on purpose")
		}
		_ = m.Session.Send(context.Background(), wsactor.Text(m.Data))
	}})
	conn, other := s.dial(), s.dial()
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("panic")))
	s.expectClose(conn, websocket.CloseInternalServerErr)
	require.NoError(t, other.WriteMessage(websocket.TextMessage, []byte("word")))
	s.expect(other, "word")
}

func TestASlowActorSlowsItsSocket(t *testing.T) {
	system, events, release := newSystem(), make(chan any, 64), make(chan struct{})
	to := system.Root.Spawn(actor.PropsFromFunc(parrot(release, events)))
	s := open(t, system, wsactor.Options{Actor: to, Window: 2})
	conn := s.dial()
	for range 20 {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("word")))
	}
	<-events // Opened
	<-events // the first message: it is held
	close(release)
	for range 20 {
		s.expect(conn, "WORD")
	}
}

func TestADrainWaitsForTheAnswer(t *testing.T) {
	system, events, release := newSystem(), make(chan any, 64), make(chan struct{})
	to := system.Root.Spawn(actor.PropsFromFunc(parrot(release, events)))
	s := open(t, system, wsactor.Options{Actor: to})
	conn := s.dial()
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("question")))
	<-events
	<-events // the actor has it
	reports := make(chan error, 1)
	go func() {
		_, err := s.Shutdown(context.Background())
		reports <- err
	}()
	require.Eventually(t, func() bool { return s.Vitals().Phase > 2 }, 5*time.Second, time.Millisecond)
	close(release)
	s.expect(conn, "QUESTION")
	s.expectClose(conn, websocket.CloseGoingAway)
	require.NoError(t, <-reports)
}

// flood sends to a client that does not read, until something gives.
func flood(t *testing.T, o wsactor.Options) (*stage, *websocket.Conn, *wsactor.Session) {
	sessions := make(chan *wsactor.Session, 1)
	system := newSystem()
	o.Actor = system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(wsactor.Opened); ok {
			sessions <- m.Session
		}
	}))
	s := open(t, system, o)
	conn := s.dial()
	return s, conn, <-sessions
}

var big = wsactor.Binary(make([]byte, 1<<20))

func TestOverflowCloses(t *testing.T) {
	_, _, session := flood(t, wsactor.Options{Queue: 4})
	var err error
	for err == nil {
		err = session.Send(context.Background(), big)
	}
	require.True(t, err == wsactor.ErrOverflow || err == wsactor.ErrEnded, err)
}

func TestOverflowDropsTheOldest(t *testing.T) {
	s, conn, session := flood(t, wsactor.Options{Queue: 4, Overflow: wsactor.DropOldest})
	for range 64 {
		require.NoError(t, session.Send(context.Background(), big))
	}
	require.NoError(t, session.Send(context.Background(), wsactor.Text("last")))
	for n := 0; ; n++ {
		kind, data, err := conn.ReadMessage()
		require.NoError(t, err)
		if kind == websocket.TextMessage {
			require.Equal(t, "last", string(data))
			require.Less(t, n, 64, "some were dropped")
			break
		}
	}
	_ = s
}

func TestOverflowBlocks(t *testing.T) {
	s, conn, session := flood(t, wsactor.Options{Queue: 2, Overflow: wsactor.Block})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range 32 {
			if session.Send(context.Background(), big) != nil {
				return
			}
		}
		_ = session.Send(context.Background(), wsactor.Bye{})
	}()
	for n := range 32 {
		_, data, err := conn.ReadMessage()
		require.NoError(t, err, n)
		require.Len(t, data, len(big))
	}
	<-sent
	_ = s
}

func TestASilentClientIsGone(t *testing.T) {
	events := make(chan any, 4)
	system := newSystem()
	to := system.Root.Spawn(actor.PropsFromFunc(parrot(nil, events)))
	s := open(t, system, wsactor.Options{Actor: to, PingInterval: 50 * time.Millisecond})
	_ = s.dial() // reads nothing, and so answers no ping
	<-events
	require.ErrorIs(t, (<-events).(wsactor.Closed).Err, wsactor.ErrSilent)
}

func TestATooLargeMessageCloses(t *testing.T) {
	s := open(t, newSystem(), wsactor.Options{MaxMessage: 100, Func: func(*wsactor.Message) {}})
	conn := s.dial()
	require.NoError(t, conn.WriteMessage(websocket.BinaryMessage, make([]byte, 1000)))
	s.expectClose(conn, websocket.CloseMessageTooBig)
}

// What the waiting goroutine has read ahead may be several messages, and part of one.
func TestSeveralMessagesInOneSegment(t *testing.T) {
	s := open(t, newSystem(), wsactor.Options{Func: func(m *wsactor.Message) {
		assert.NoError(t, m.Session.Send(t.Context(), wsactor.Text(m.Data)))
	}})
	conn := s.dial()
	frame := func(payload string) string {
		return string([]byte{0x81, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
	}
	long := strings.Repeat("x", 100)
	segment := frame("a") + frame("b") + frame(long) + frame("c")
	_, err := conn.NetConn().Write([]byte(segment[:len(segment)-3]))
	require.NoError(t, err)
	s.expect(conn, "a")
	s.expect(conn, "b")
	s.expect(conn, long)
	_, err = conn.NetConn().Write([]byte(segment[len(segment)-3:] + frame("d")))
	require.NoError(t, err)
	s.expect(conn, "c")
	s.expect(conn, "d")
}

// Who forwards a message has handled it, and so has who gets it.
func TestAMessageThatIsForwarded(t *testing.T) {
	system := newSystem()
	clerk := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wsactor.Message); ok {
			ctx.Send(m.Session.PID(), wsactor.Text(m.Data))
		}
	}))
	desk := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*wsactor.Message); ok {
			ctx.Forward(clerk)
		}
	}))
	s := open(t, system, wsactor.Options{Actor: desk, Window: 1})
	conn := s.dial()
	for _, said := range []string{"a", "b", "c"} {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(said)))
		s.expect(conn, said)
	}
}

// A control frame right behind a message is not left in a buffer.
func TestAMessageAndAControlFrameInOneSegment(t *testing.T) {
	const hello, ping, bye = "\x81\x85\x00\x00\x00\x00hello", "\x89\x80\x00\x00\x00\x00", "\x88\x82\x00\x00\x00\x00\x03\xe8"
	s := open(t, newSystem(), wsactor.Options{Func: func(*wsactor.Message) {}})
	conn := s.dial()
	ponged := make(chan struct{}, 1)
	conn.SetPongHandler(func(string) error {
		ponged <- struct{}{}
		return nil
	})
	_, err := conn.NetConn().Write([]byte(hello + ping))
	require.NoError(t, err)
	closed := make(chan error)
	go func() {
		_, _, err := conn.ReadMessage()
		closed <- err
	}()
	<-ponged
	_, err = conn.NetConn().Write([]byte(hello + bye))
	require.NoError(t, err)
	err = <-closed
	require.True(t, websocket.IsCloseError(err, websocket.CloseNormalClosure), err)
}

// full is a process whose mailbox has no room for a goodbye.
type full struct {
	opened chan *wsactor.Session
	closed chan struct{}
	room   chan struct{}
}

func (f *full) SendUserMessage(_ *actor.PID, message any) {
	switch m := actor.UnwrapEnvelopeMessage(message).(type) {
	case wsactor.Opened:
		f.opened <- m.Session
	case wsactor.Closed:
		close(f.closed)
		<-f.room
	}
}

func (f *full) SendSystemMessage(*actor.PID, any) {}
func (f *full) Stop(*actor.PID)                   {}

// A session runs in the goroutine of whoever sends to it: it does not wait there for
// room in the mailbox of the user's actor, which may be who sends.
func TestASessionWaitsForNoMailbox(t *testing.T) {
	system := newSystem()
	f := &full{make(chan *wsactor.Session, 1), make(chan struct{}), make(chan struct{})}
	defer close(f.room)
	to, _ := system.ProcessRegistry.Add(f, "full")
	s := open(t, system, wsactor.Options{Actor: to})
	conn := s.dial()
	session := <-f.opened
	require.NoError(t, conn.Close())
	<-f.closed
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NotErrorIs(t, session.Send(ctx, wsactor.Text("late")), context.DeadlineExceeded)
}
