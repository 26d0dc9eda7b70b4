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
	taken   int   // messages; of the reader
	until   int64 // the write deadline; of the writer
	drain   conns.WebSocket
	pid     *actor.PID
	places  chan struct{} // one for each message that the user's actor has
	heard   atomic.Int64  // when the client last said something
	over    atomic.Bool

	// Of Receive.
	queue   []any
	waiting []push // of Block: those that have not found room
	writing bool
	marks   int // messages that were handled, whose answers are being written
	bye     *Bye
	closed  bool
	timer   *time.Timer
	pinged  bool
	cause   error // why we have closed it
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

// Send sends Text or Binary from a goroutine that may wait: with Block it waits for
// room in the queue, or for ctx. An actor sends to the PID instead.
func (s *Session) Send(ctx context.Context, what any) error {
	if s.over.Load() {
		return ErrEnded
	}
	p := push{what, make(chan error, 1)}
	s.handler.system.Root.Send(s.pid, p)
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Receive implements actor.Actor.
func (s *Session) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case opening:
		s.start()
	case Text, Binary:
		s.offer(msg, s.handler.options.Overflow)
		s.write()
	case push:
		s.push(msg)
		s.write()
	case Bye:
		s.bye = &msg
		s.write()
	case handled:
		s.onHandled()
	case written:
		s.onWritten(msg)
	case tick:
		s.tick()
	case ended:
		s.end(ctx, msg.err)
	case *actor.DeadLetterResponse:
		s.fail(websocket.CloseInternalServerErr, "nobody is here")
	case *actor.Stopping:
		s.release()
	}
}

func (s *Session) start() {
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
	default:
		s.cause = ErrOverflow
		s.fail(websocket.CloseTryAgainLater, "too slow")
		return false
	}
	s.queue = append(s.queue, what)
	return true
}

func (s *Session) push(p push) {
	switch {
	case s.bye != nil || s.closed:
		p.done <- ErrEnded
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
	s.closed, s.queue = true, nil
	go func() { // writing and closing may wait for the socket
		deadline := time.Now().Add(time.Second)
		_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), deadline)
		_ = s.conn.Close()
	}()
}

// onHandled is called when the user's actor has handled a message. What it sent
// while it did so has come before this.
func (s *Session) onHandled() {
	select {
	case <-s.places:
		s.marks++
		s.write()
	default: // a message that was forwarded has been handled twice
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
		s.closed, s.cause = true, ErrSilent
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
	if s.cause != nil {
		err = s.cause
	}
	if to := s.handler.options.Actor; to != nil {
		// Its mailbox may be bounded, and this its own goroutine, in the midst of Send.
		go s.handler.system.Root.Send(to, Closed{Session: s, Err: err})
	}
	ctx.Stop(s.pid)
}

// release drops what the framework would keep reachable.
func (s *Session) release() {
	s.closed = true
	s.over.Store(true)
	if s.timer != nil {
		s.timer.Stop()
	}
	for _, p := range s.waiting {
		p.done <- ErrEnded
	}
	s.queue, s.waiting = nil, nil
	go s.conn.Close()
}
