package wsactor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers/wsactor"
)

// shutdown drains, and fails if that was not clean. It does not wait.
func (s *stage) shutdown() <-chan messages.Report {
	reports := make(chan messages.Report, 1)
	go func() {
		defer close(reports)
		if r, err := s.Shutdown(context.Background()); err == nil {
			reports <- r
		} else {
			s.Error(err)
		}
	}()
	return reports
}

func (s *stage) draining() {
	require.Eventually(s, func() bool { return s.Vitals().Phase > 2 }, 5*time.Second, time.Millisecond)
}

// flooding sends until that fails, as fast as leaves others a share of one processor.
func flooding(conn *websocket.Conn) {
	for conn.WriteMessage(websocket.TextMessage, []byte("word")) == nil {
		time.Sleep(100 * time.Microsecond)
	}
}

// A client that fills the window for ever gets its goodbye, when what the actor has
// got is answered.
func TestABacklogThatNeverEndsIsDrained(t *testing.T) {
	system := newSystem()
	var got atomic.Int64
	to := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wsactor.Message); ok {
			got.Add(1)
			ctx.Send(m.Session.PID(), wsactor.Text("ack"))
			time.Sleep(time.Millisecond) // time is the subject: the client is faster than this
		}
	}))
	s := open(t, system, wsactor.Options{Actor: to})
	conn := s.dial()
	go flooding(conn)
	s.expect(conn, "ack")
	reports := s.shutdown()
	acks := int64(1)
	for {
		_, _, err := conn.ReadMessage()
		if err != nil {
			require.True(t, websocket.IsCloseError(err, websocket.CloseGoingAway), err)
			break
		}
		acks++
	}
	r := <-reports
	require.LessOrEqual(t, got.Load()-acks, int64(8), "what the actor got was answered, but for what crossed the goodbye")
	require.Less(t, r.Took, 5*time.Second, "of 10: it was not the time that ended it")
}

// What is sent to a client without end does not hold an answer's mark; see
// TestAMarkEndsWhenWhatWaitedIsWritten.
func TestAWriterThatNeverRestsIsDrained(t *testing.T) {
	system, asked, release := newSystem(), make(chan *wsactor.Session), make(chan struct{})
	to := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wsactor.Message); ok {
			asked <- m.Session
			<-release
			ctx.Send(m.Session.PID(), wsactor.Text("answer"))
		}
	}))
	const unread = 500
	s := open(t, system, wsactor.Options{Actor: to, Queue: 2 * unread})
	conn := s.dial()
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("question")))
	session := <-asked
	reports := s.shutdown()
	s.draining()
	more, over := make(chan struct{}, unread), make(chan struct{})
	defer close(over)
	go func() { // so many are always on their way
		for session.Send(context.Background(), wsactor.Binary("feed")) == nil {
			select {
			case more <- struct{}{}:
			case <-over:
			}
		}
	}()
	answered := false
	for n := 0; ; n++ {
		_, said, err := conn.ReadMessage()
		if err != nil {
			require.True(t, websocket.IsCloseError(err, websocket.CloseGoingAway), err)
			break
		}
		if n == unread {
			close(release)
		}
		if string(said) == "feed" {
			<-more
		} else {
			answered = true
		}
	}
	require.True(t, answered)
	require.Less(t, (<-reports).Took, 5*time.Second, "of 10: it was not the time that ended it")
}

// fragile is an actor that panics over each message.
func fragile(panics chan<- struct{}, events chan<- any) actor.ReceiveFunc {
	return func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case wsactor.Closed:
			events <- m
		case *wsactor.Message:
			if string(m.Data) != "word" {
				ctx.Send(m.Session.PID(), wsactor.Text(m.Data))
				return
			}
			panics <- struct{}{}
			panic("on purpose")
		}
	}
}

// restarts is a supervisor that restarts as often as it must.
var restarts = actor.WithGuardian(actor.NewOneForOneStrategy(1000, time.Hour, actor.DefaultDecider))

func TestAMessageThatWasPanickedOverHoldsNoDrain(t *testing.T) {
	for _, when := range []string{"before", "in it"} {
		t.Run(when, func(t *testing.T) {
			system, panics, events := newSystem(), make(chan struct{}), make(chan any, 1)
			to := system.Root.Spawn(actor.PropsFromFunc(fragile(panics, events), restarts))
			s := open(t, system, wsactor.Options{Actor: to})
			conn := s.dial()
			require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("word")))
			if when == "before" {
				<-panics
			}
			reports := s.shutdown()
			if when == "in it" {
				s.draining()
				<-panics
			}
			s.expectClose(conn, websocket.CloseGoingAway)
			require.Less(t, (<-reports).Took, 5*time.Second, "of 10")
		})
	}
}

// Its place in the window comes back.
func TestAWindowFullOfPanicsIsEmptiedAgain(t *testing.T) {
	system, panics, events := newSystem(), make(chan struct{}), make(chan any, 1)
	to := system.Root.Spawn(actor.PropsFromFunc(fragile(panics, events), restarts))
	s := open(t, system, wsactor.Options{Actor: to, Window: 2})
	conn := s.dial()
	for range 7 {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("word")))
	}
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("at last")))
	for range 7 {
		<-panics
	}
	s.expect(conn, "at last")
	require.NoError(t, conn.Close())
	<-events
}

// An actor that ends takes its sessions with it: those that have said nothing, and
// those whose window it leaves full.
func TestAnActorThatEndsEndsItsSessions(t *testing.T) {
	system, events, release := newSystem(), make(chan any, 16), make(chan struct{})
	to := system.Root.Spawn(actor.PropsFromFunc(parrot(release, events)))
	s := open(t, system, wsactor.Options{Actor: to, Window: 2})
	silent, full := s.dial(), s.dial()
	<-events
	<-events
	for range 5 {
		require.NoError(t, full.WriteMessage(websocket.TextMessage, []byte("word")))
	}
	session := (<-events).(*wsactor.Message).Session
	stopped := system.Root.StopFuture(to)
	close(release)
	require.NoError(t, stopped.Wait())
	s.expectClose(silent, websocket.CloseInternalServerErr)
	s.expectClose(full, websocket.CloseInternalServerErr)
	require.Eventually(t, func() bool { // its PID is gone
		return session.Send(context.Background(), wsactor.Text("late")) != nil
	}, 5*time.Second, time.Millisecond)
	<-s.shutdown()
}

// Before it ended it has answered: the close frame stands behind that.
func TestTheAnswersOfAnActorThatEndsAreWritten(t *testing.T) {
	system := newSystem()
	to := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wsactor.Message); ok {
			for range 20 {
				ctx.Send(m.Session.PID(), wsactor.Text(m.Data))
			}
			ctx.Stop(ctx.Self())
		}
	}))
	s := open(t, system, wsactor.Options{Actor: to})
	conn := s.dial()
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("word")))
	for range 20 {
		s.expect(conn, "word")
	}
	s.expectClose(conn, websocket.CloseInternalServerErr)
}

// The answer of whom a message was forwarded to is waited for, if the session was told.
func TestADrainWaitsForTheAnswerToAForwardedMessage(t *testing.T) {
	system, asked, release := newSystem(), make(chan struct{}), make(chan struct{})
	clerk := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wsactor.Message); ok {
			asked <- struct{}{}
			<-release
			ctx.Send(m.Session.PID(), wsactor.Text(m.Data))
		}
	}))
	desk := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wsactor.Message); ok {
			m.Forward(ctx, clerk)
		}
	}))
	s := open(t, system, wsactor.Options{Actor: desk, Window: 1})
	conn := s.dial()
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("question")))
	<-asked
	reports := s.shutdown()
	s.draining()
	// The time is the subject: the goodbye would come within 10 ms.
	time.Sleep(50 * time.Millisecond)
	close(release)
	s.expect(conn, "question")
	s.expectClose(conn, websocket.CloseGoingAway)
	<-reports
}

// And its place in the window is taken until then: one at a time.
func TestMessagesThatAreForwardedOneByOne(t *testing.T) {
	system := newSystem()
	var has atomic.Int32
	clerk := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wsactor.Message); ok {
			has.Add(-1)
			ctx.Send(m.Session.PID(), wsactor.Text(m.Data))
		}
	}))
	var most atomic.Int32
	desk := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wsactor.Message); ok {
			most.Store(max(most.Load(), has.Add(1)))
			m.Forward(ctx, clerk)
		}
	}))
	s := open(t, system, wsactor.Options{Actor: desk, Window: 1})
	conn := s.dial()
	const words = 50
	for range words {
		require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte("word")))
	}
	for range words {
		s.expect(conn, "word")
	}
	require.EqualValues(t, 1, most.Load())
}
