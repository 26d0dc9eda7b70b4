package conns

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/godrain/drain/messages"
)

// raw is what a connection has whose protocol nobody here knows: raw TCP, and
// transports of your own. Its units of work are what happens between the first
// byte that a Read returns and the call of Idle.
type raw struct {
	conn     *Conn
	owner    Owner        // of the connection: see raw_units.go
	telling  atomic.Int32 // who is at it, and who wants it told again
	units    atomic.Int32 // that have begun and not ended
	reads    atomic.Bool  // its handler is in Read
	cut      atomic.Bool  // it left in the middle of a unit
	panicked atomic.Bool
	goodbye  func(io.Writer)        // see OnLeave
	protocol atomic.Pointer[string] // see SetProtocol
	timer    *time.Timer            // see nudge; of the actor, and later of the timer itself
}

// FollowReads tells that nobody but its handler knows the connection's protocol.
// It is called before the connection is adopted; Tracker.Track does it.
//
// A unit of work then begins with the first byte that a Read returns, and ends
// with Idle. While the server drains, a connection leaves as soon as its handler
// has been waiting in Read for IdleGrace: between two units, in the middle of
// what has arrived of one (Read returns io.ErrUnexpectedEOF), or before the first.
// When half the time is over it leaves between two units at once.
// A handler that reads on in the middle of its work calls Begin, and is left in
// peace until Idle. One that does not read, but pushes, watches Draining; after
// IdleGrace its context is cancelled, with the cause ErrDraining.
//
// What nobody sees from outside, the handler has to say: a unit that comes out of a
// buffer of its own (bufio), where an earlier Read has put it, and one that another
// goroutine works on while the handler reads on. It calls Begin for each unit then,
// before its next Read; else the connection seems idle, and is drained as such. Units may
// overlap: each that was begun ends with an Idle of its own, from whatever goroutine,
// and the connection is at work until the last one has.
func (c *Conn) FollowReads() { c.raw = &raw{conn: c} }

// SetProtocol says what a connection speaks whose reads are followed, for people:
// "TCP" until then. Others say it themselves.
func (c *Conn) SetProtocol(name string) {
	if c.raw != nil {
		c.raw.protocol.Store(&name)
	}
}

// Serve runs handler in this goroutine, as the one that serves c, and closes c
// when it has returned. The handler's context is cancelled when the connection
// ends, at the deadline of a drain, and see FollowReads. A panic of the handler ends
// this connection alone, and comes back as a *PanicError.
func (c *Conn) Serve(handler RawHandler) (err error) {
	var whole Unit // an Interruptible handler is one from its beginning to its end
	ctx := whole.Context(c, c.Context(context.Background()))
	defer whole.End()
	c.group.enter()
	defer c.group.exit()
	completed := false
	defer func() {
		if !completed {
			c.raw.panicked.Store(true)
			err = &PanicError{Value: recover(), Stack: debug.Stack()}
		}
		_ = c.Close()
	}()
	handler(ctx, c)
	completed = true
	c.raise(returned)
	if c.raw.atWork(c.phase()) {
		whole.End() // before its verdict: it may have been cut by the deadline
	}
	return nil
}

// PanicError is a panic of a handler.
type PanicError struct {
	Value any // what it panicked with; nil if it ended its goroutine
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("handler panicked: %v", e.Value) }

// Unwrap returns what it panicked with, if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// atWork reports whether the handler has read a part of a unit, at least, and is
// doing something with it.
func (r *raw) atWork(p phase) bool {
	return p == working || (p == reading && !r.reads.Load())
}

// stranger is the kind of a connection with a protocol that nobody here knows.
type stranger struct{ *Conn }

func (s stranger) beginLeaving() {
	_ = s.applyReadDeadline()
	s.raw.asked(s.Conn)
}

// A unit that has arrived in part must not be taken for a whole one.
func (s stranger) goneError() error {
	if s.raw.cut.Load() {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

func (s stranger) mayLinger(before phase) bool {
	if before == fresh && s.written.Load() == 0 {
		return false
	}
	return s.group.IsDraining() || s.pending()
}

func (s stranger) lingerTime() (time.Duration, bool) { return s.group.Linger, false }

func (s stranger) closedAs() (messages.Outcome, bool) {
	if s.raw.panicked.Load() {
		return messages.OutcomeCrashed, s.raw.atWork(s.phase())
	}
	return messages.OutcomeDrained, s.has(severed)
}

func (s stranger) killedAs(p phase) (messages.Outcome, bool) {
	if p == reading {
		return messages.OutcomeKilled, s.raw.atWork(p) || s.has(severed)
	}
	return marked(s).killedAs(p)
}

func (s stranger) describe(d *messages.Connection) {
	if d.State == messages.StateReading && s.raw.atWork(reading) {
		d.State = messages.StateBusy
	}
	if p := s.raw.protocol.Load(); p != nil {
		d.Protocol = *p
	}
	if u := s.unit.Load(); u != nil {
		d.Request = u.line()
	}
}

// leastNudge leaves a handler the time to get to its first Read.
const leastNudge = 100 * time.Millisecond

// asked is called when the connection is asked to leave.
func (r *raw) asked(c *Conn) {
	wait := max(c.group.IdleGrace, leastNudge)
	r.timer = time.AfterFunc(time.Hour, func() { r.nudge(c, wait) })
	r.timer.Reset(wait)
}

// nudge cancels the context of a handler that is in no unit of work and does not
// read either: nobody else could tell it to go. One that reads finds out itself.
func (r *raw) nudge(c *Conn, wait time.Duration) {
	switch c.phase() {
	case leaving, closed, hijacked:
		return
	case fresh, rested, idle:
		if !r.reads.Load() && now()-c.since.Load() >= int64(wait) {
			c.CancelContext(ErrDraining)
			return
		}
	}
	r.timer.Reset(wait)
}

// Quiet reports whether nothing has been received that no Read has returned: a
// handler that ends a connection of its own accord asks it first (Linux).
func (c *Conn) Quiet() bool { return !c.pending() }
