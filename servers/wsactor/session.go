package wsactor

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/gorilla/websocket"

	"github.com/godrain/drain/conns"
)

// Session is the actor of one WebSocket. It exists to own what waits to be written,
// one message at a time: see crew. It ends when its reader has.
//
// It runs inline, in the goroutine of whoever sends to it; nothing here waits for the
// socket, or for anybody else.
type Session struct {
	handler *Handler
	conn    *websocket.Conn
	patient *patient
	drain   conns.WebSocket
	pid     *actor.PID
	gone    chan struct{} // closed when it has ended

	limit int64 // the write deadline; of the writer

	// Of the reader.
	taken int   // messages
	given int64 // to the user's actor; those that have a ticket
	late  int64 // those that have none
	deaf  bool  // what comes is thrown away

	heard   atomic.Int64 // when the client last said something
	handed  atomic.Int64 // given, as the reader says
	over    atomic.Int64 // of those, handled or lost, as Receive says
	leaving atomic.Bool  // the drain has come, as Receive says

	// Of Receive.
	queue   []any
	waiting []push // of Block: those that have not found room
	writing bool
	marks   marks
	bye     *Bye
	closed  bool
	timer   *time.Timer
	pinged  bool
	cause   error     // why we have closed it
	broken  error     // why it cannot be written to
	room    chan bool // the reader waits for it

	// Of Receive: what the user's actor has, see handled.go.
	abroad  int64 // messages that were forwarded
	asked   bool  // a Touch is on its way
	until   int64 // behind so many messages
	through int64 // so many are handled or lost
	orphan  bool  // the actor has ended
}

// ErrOverflow is why a session was closed whose client did not read fast enough.
var ErrOverflow = errors.New("wsactor: the client does not read as fast as it is sent to: the session was closed with 1013")

// ErrEnded is what Send returns when the session is over.
var ErrEnded = errors.New("wsactor: the session has ended")

// ErrSilent is why a session ends whose client answers no ping.
var ErrSilent = errors.New("wsactor: the client has not answered a ping")

var epoch = time.Now()

func now() int64 { return int64(time.Since(epoch)) }

// PID is where Text, Binary and Bye for the client are sent.
func (s *Session) PID() *actor.PID { return s.pid }

// RemoteAddr is the client's address.
func (s *Session) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// Subprotocol is what the handshake agreed on.
func (s *Session) Subprotocol() string { return s.conn.Subprotocol() }

// Send sends Text, Binary or Bye from a goroutine that may wait: with Block it waits
// for room in the queue, or for ctx. An actor sends to the PID instead.
func (s *Session) Send(ctx context.Context, what any) error {
	if err := sendable(what); err != nil {
		return err
	}
	select {
	case <-s.gone:
		return ErrEnded
	default:
	}
	p := push{what, make(chan error, 1)}
	s.tell(p)
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		s.tell(withdrawn{p.done, ctx.Err()})
	case <-s.gone:
	}
	select {
	case err := <-p.done:
		return err
	case <-s.gone: // it dropped what came behind its end
	}
	select { // what was taken is not denied
	case err := <-p.done:
		return err
	default:
		return ErrEnded
	}
}

// Receive implements actor.Actor.
func (s *Session) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case opening:
		s.start(ctx)
	case Text, Binary:
		s.offer(msg, s.handler.options.Overflow)
		s.write()
	case push:
		s.push(msg)
		s.write()
	case withdrawn:
		s.onWithdrawn(msg)
	case Bye:
		s.leave(msg)
	case handled:
		s.onHandled(msg.ticket)
	case forwarded:
		s.onForwarded(msg.ticket)
	case full:
		s.onFull(msg.room)
	case leaving:
		s.onLeaving()
	case probe:
		s.probe()
	case *actor.Touched:
		s.onTouched(msg)
	case written:
		s.onWritten(msg)
	case tick:
		s.tick()
	case ended:
		s.end(ctx, msg.err)
	case *actor.DeadLetterResponse:
		if msg.Target.Equal(s.handler.options.Actor) { // else a worker's, to whom a message was forwarded
			s.abandon()
		}
	case *actor.Terminated:
		s.orphan = true
		s.tell(orphaned{}) // behind its last answers: the framework lets this overtake them
	case orphaned:
		s.abandon()
	case *actor.Stopping:
		s.drop(ctx)
	}
}

func (s *Session) start(ctx actor.Context) {
	if to := s.handler.options.Actor; to != nil {
		ctx.Watch(to)
	}
	if every := s.handler.options.PingInterval; every > 0 {
		s.timer = time.AfterFunc(every, func() { s.tell(tick{}) })
	}
}

func (s *Session) tell(msg any) { s.handler.system.Root.Send(s.pid, msg) }

// offer reports whether what is to be written has found a writer, or room.
func (s *Session) offer(what any, overflow Overflow) bool {
	switch {
	case s.bye != nil || s.closed:
		return false
	case !s.writing && len(s.queue) == 0:
		s.begin(what)
		return true
	case len(s.queue) < s.handler.options.Queue:
	case overflow == DropOldest:
		s.queue = s.queue[1:]
		s.marks.dropped()
	default:
		s.cause = ErrOverflow
		s.fail(websocket.CloseTryAgainLater, "too slow")
		return false
	}
	s.queue = append(s.queue, what)
	return true
}

func (s *Session) push(p push) {
	bye, last := p.what.(Bye)
	switch {
	case s.bye != nil || s.closed:
		p.done <- ErrEnded
	case last:
		s.leave(bye)
		p.done <- nil
	case s.handler.options.Overflow == Block && len(s.queue) >= s.handler.options.Queue:
		s.waiting = append(s.waiting, p)
	case s.offer(p.what, s.handler.options.Overflow):
		p.done <- nil
	default:
		p.done <- ErrOverflow
	}
}

// fail ends the session in the midst of what waits: its client does not take it.
func (s *Session) fail(code int, reason string) {
	if s.closed {
		return
	}
	s.shut()
	go func() { // writing and closing may wait for the socket
		deadline := time.Now().Add(time.Second)
		_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), deadline)
		_ = s.conn.Close()
	}()
}

// shut ends what is written, and what the reader waits for.
func (s *Session) shut() {
	s.closed, s.queue = true, nil
	s.makeRoom(false)
	s.settle()
}

// abandon ends a session whose actor has ended, when its last answers are written.
func (s *Session) abandon() {
	if s.bye == nil {
		s.leave(Bye{Code: websocket.CloseInternalServerErr, Reason: "nobody is here"})
	}
}

func (s *Session) tick() {
	if s.closed {
		return
	}
	every := s.handler.options.PingInterval
	quiet := time.Duration(now() - s.heard.Load())
	switch {
	case quiet < every:
		s.pinged = false
		s.timer.Reset(every - quiet)
	case s.pinged && quiet >= 2*every:
		s.cause = ErrSilent
		s.shut()
		go s.conn.Close()
	default:
		s.pinged = true
		s.timer.Reset(every)
		go s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(every))
	}
}

func (s *Session) pong(string) error {
	s.heard.Store(now())
	return nil
}

// end is the only way out: the reader is through.
func (s *Session) end(ctx actor.Context, err error) {
	var closed *websocket.CloseError
	switch {
	case s.cause != nil:
		err = s.cause
	case s.broken != nil && !errors.As(err, &closed): // the client's word is better
		err = s.broken
	}
	if to := s.handler.options.Actor; to != nil {
		// Its mailbox may be bounded, and this its own goroutine, in the midst of Send.
		go s.handler.system.Root.Send(to, Closed{Session: s, Err: err})
	}
	ctx.Stop(s.pid)
}

// drop drops what the framework would keep reachable.
func (s *Session) drop(ctx actor.Context) {
	s.shut()
	close(s.gone)
	if to := s.handler.options.Actor; to != nil && !s.orphan {
		ctx.Unwatch(to)
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	for _, p := range s.waiting {
		p.done <- ErrEnded
	}
	s.waiting = nil
	go s.conn.Close()
}
