package wsactor_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/servers/wsactor"
)

// watched is a session whose actor hands out what it hears of it.
func watched(t *testing.T, o wsactor.Options) (*stage, *websocket.Conn, *wsactor.Session, <-chan error) {
	system, sessions, closed := newSystem(), make(chan *wsactor.Session, 1), make(chan error, 1)
	o.Actor = system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case wsactor.Opened:
			sessions <- m.Session
		case wsactor.Closed:
			closed <- m.Err
		}
	}))
	s := open(t, system, o)
	conn := s.dial()
	return s, conn, <-sessions, closed
}

func TestSendRefusesWhatCannotBeSent(t *testing.T) {
	s, conn, session, closed := watched(t, wsactor.Options{})
	for name, c := range map[string]struct {
		what any
		says string
	}{
		"string":          {"word", "a string cannot be sent: Text, Binary and Bye can"},
		"bytes":           {[]byte("word"), "a []uint8 cannot be sent"},
		"nothing":         {nil, "a <nil> cannot be sent"},
		"reserved code":   {wsactor.Bye{Code: 1006}, "1006"},
		"too long reason": {wsactor.Bye{Reason: strings.Repeat("x", 124)}, "at most 123 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, session.Send(t.Context(), c.what), c.says)
		})
	}
	require.NoError(t, session.Send(t.Context(), wsactor.Text("this can")))
	require.NoError(t, session.Send(t.Context(), wsactor.Bye{Code: 4000, Reason: "and this"}))
	require.ErrorIs(t, session.Send(t.Context(), wsactor.Text("late")), wsactor.ErrEnded)
	s.expect(conn, "this can")
	s.expectClose(conn, 4000)
	require.True(t, websocket.IsCloseError(<-closed, 4000))
}

// An actor hears of it at the end; the client is not left without a close frame.
func TestAByeThatCannotBeSent(t *testing.T) {
	for name, c := range map[string]struct {
		bye  wsactor.Bye
		says string
	}{
		"reserved code":   {wsactor.Bye{Code: 1005}, "close code 1005 may not be sent"},
		"too long reason": {wsactor.Bye{Reason: strings.Repeat("x", 124)}, "at most 123 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			system, closed := newSystem(), make(chan error, 1)
			to := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
				switch m := ctx.Message().(type) {
				case wsactor.Opened:
					ctx.Send(m.Session.PID(), c.bye)
				case wsactor.Closed:
					closed <- m.Err
				}
			}))
			s := open(t, system, wsactor.Options{Actor: to})
			s.expectClose(s.dial(), websocket.CloseInternalServerErr)
			require.ErrorContains(t, <-closed, c.says)
		})
	}
}

// However a Send crosses the end of the session, it returns.
func TestSendReturnsWhenTheSessionEnds(t *testing.T) {
	system, sessions := newSystem(), make(chan *wsactor.Session, 1)
	to := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(wsactor.Opened); ok {
			sessions <- m.Session
		}
	}))
	s := open(t, system, wsactor.Options{Actor: to, Overflow: wsactor.DropOldest})
	for range 30 {
		conn := s.dial()
		session := <-sessions
		var senders sync.WaitGroup
		for range 4 {
			senders.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				defer cancel()
				var err error
				for err == nil {
					err = session.Send(ctx, wsactor.Text("word"))
				}
				if err != wsactor.ErrEnded { //nolint:errorlint // it is that one
					t.Error(err)
				}
			})
		}
		_, _, err := conn.ReadMessage()
		require.NoError(t, err)
		require.NoError(t, conn.NetConn().(*net.TCPConn).SetLinger(0))
		require.NoError(t, conn.Close())
		senders.Wait()
	}
}

// Who is told that his message was not sent may send it again: it does not reach the
// client behind his back.
func TestWhatSendHasGivenUpIsNotSent(t *testing.T) {
	s, conn, session, _ := watched(t, wsactor.Options{Queue: 1, Overflow: wsactor.Block, PingInterval: -1})
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	bulk, accepted, denied := strings.Repeat("x", 1<<20), 0, 0
	for denied < 5 {
		if err := session.Send(impatient, wsactor.Text(bulk)); err == nil {
			accepted++
		} else {
			require.ErrorIs(t, err, context.Canceled)
			denied++
		}
	}
	require.NoError(t, session.Send(t.Context(), wsactor.Bye{Code: 4000}))
	for range accepted {
		s.expect(conn, bulk)
	}
	_, _, err := conn.ReadMessage()
	require.True(t, websocket.IsCloseError(err, 4000), err)
}

// Gorilla writes nothing more when one message could not be written: the session is
// over, though its client still talks.
func TestAClientThatTalksAndDoesNotListenIsClosed(t *testing.T) {
	_, conn, session, closed := watched(t, wsactor.Options{WriteTimeout: 50 * time.Millisecond, PingInterval: -1})
	go flooding(conn)
	for range 32 {
		if session.Send(t.Context(), big) != nil {
			break
		}
	}
	var timeout net.Error
	require.ErrorAs(t, <-closed, &timeout)
	require.True(t, timeout.Timeout())
	require.ErrorIs(t, session.Send(t.Context(), wsactor.Text("late")), wsactor.ErrEnded)
}
