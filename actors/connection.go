package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// connection is the actor of one connection. It exists so that everything that
// anyone wants of a connection, and everything that it has to say, goes through
// one place in one order. Its parent is the server that adopted it. It ends when
// its serving goroutine says Ended: it passes that on as Closed, and the server
// stops it.
//
// It runs inline, in the goroutine of whoever sends to it; nothing here blocks.
type connection struct {
	mailbox inlineMailbox
	tracker *tracker
	self    *actor.PID
	conn    *conns.Conn
	busy    bool
}

// Receive implements actor.Actor.
func (c *connection) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		c.self = ctx.Self()
	case messages.Busy:
		c.setBusy(true)
	case messages.Idle:
		c.setBusy(false)
	case messages.Close:
		c.conn.Leave()
	case messages.Cancel:
		c.conn.Cancel()
	case messages.Kill:
		c.conn.Kill()
	case messages.Ended:
		c.setBusy(false)
		c.tracker.tell(messages.Closed{Connection: c.self, Record: c.conn, Outcome: msg.Outcome, Lost: msg.Lost})
	case *actor.Stopping:
		if c.self == nil { // it is stopped before it is started
			c.self = ctx.Self()
		}
		if c.conn.Claim() {
			c.turnAway()
		}
	case *actor.Stopped:
		c.setBusy(false) // it may have been stopped in the midst of work
		// The framework keeps stopped actors reachable for a while.
		c.conn = nil
	}
}

// turnAway ends a connection whose server has not adopted it, and never will.
func (c *connection) turnAway() {
	group := c.tracker.group
	group.Open.Add(-1)
	group.Refused.Add(1)
	group.Late.Add(1)
	c.tracker.leave()
	c.conn.Kill()
}

// setBusy is small enough to be inlined: see Busy.
func (c *connection) setBusy(busy bool) {
	if c.busy != busy {
		c.busy = busy
		by := int64(-1)
		if busy {
			by = 1
		}
		c.tracker.group.Counters.Busy.Add(by)
	}
}

// What follows is the conns.Owner: the serving goroutine's way to its actor.
// Busy and Idle have no size, so sending them allocates nothing. All go straight to
// the mailbox, where the PID would lead: the detour deepens the stack of a goroutine
// that reads its first byte at the very edge of 4 KiB.

func (c *connection) Busy() { c.mailbox.PostUserMessage(messages.Busy{}) }

func (c *connection) Idle() { c.mailbox.PostUserMessage(messages.Idle{}) }

func (c *connection) Ended(outcome messages.Outcome, lost int) {
	c.mailbox.PostUserMessage(messages.Ended{Outcome: outcome, Lost: lost})
}

var _ conns.Owner = (*connection)(nil)
