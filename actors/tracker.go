package actors

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// tracker is a server's acceptor half. It spawns the actor of a connection in
// the acceptor's goroutine, as a child of the server by its PID: a round trip to
// the server's mailbox for each connection would be serial with accept. The
// server hears of it by Adopt, in mailbox order with Shutdown.
type tracker struct {
	system  *actor.ActorSystem
	server  *actor.PID
	group   *conns.Group
	events  *bus
	timeout time.Duration

	parent   actor.SpawnerContext
	name     []byte // of the next connection's actor, as far as it is always the same; of the token's holder
	props    *actor.Props
	spawning chan struct{}                 // a token: one spawn at a time
	next     *connection                   // what props produce; of the token's holder
	spawned  int64                         // of its holder too
	gone     chan struct{}                 // closed when the server adopts no more
	lifted   chan struct{}                 // closed when the limit holds no longer
	paused   atomic.Pointer[chan struct{}] // what it points to is closed while the server is suspended

	limit int64         // of open connections; 0 is none
	taken atomic.Int64  // places: one for each open connection, and one that is held
	held  atomic.Bool   // the acceptor has a place for its next connection
	freed chan struct{} // a place has been given back
}

func newTracker(sh *shared, server *actor.PID, group *conns.Group, limit int) *tracker {
	t := &tracker{
		system: sh.system, server: server, group: group, events: sh.bus, timeout: sh.timeout,
		parent:   parentage{self: server},
		name:     append(make([]byte, 0, len(server.Id)+16), server.Id+"/"...),
		spawning: make(chan struct{}, 1),
		gone:     make(chan struct{}),
		lifted:   make(chan struct{}),
		limit:    int64(limit),
		freed:    make(chan struct{}, 1),
	}
	t.resume()
	t.props = actor.PropsFromProducer(
		func() actor.Actor { return t.next },
		actor.WithMailbox(func() actor.Mailbox { return &t.next.mailbox }),
	)
	return t
}

// ErrServerGone is returned to an acceptor whose server does not adopt any more.
var ErrServerGone = errors.New("drain: the server has been stopped")

// parentage is what the framework asks of a spawner: whose child it will be.
type parentage struct {
	actor.SpawnerContext
	self *actor.PID
}

func (p parentage) Self() *actor.PID { return p.self }

// Adopt implements conns.Tracker.
func (t *tracker) Adopt(c *conns.Conn) error {
	return t.adopt(c, t.held.CompareAndSwap(true, false))
}

// adopt is Adopt; placed says that a place has been taken for c.
func (t *tracker) adopt(c *conns.Conn, placed bool) error {
	if !placed {
		t.taken.Add(1)
	}
	select {
	case <-t.gone:
		t.refuse(c)
		t.group.Late.Add(1)
		return ErrServerGone
	default:
	}
	child, err := t.spawn(c)
	if err != nil {
		t.refuse(c)
		return fmt.Errorf("drain: the connection from %s was refused: %w", c.Peer(), err)
	}
	t.group.Open.Add(1)
	t.group.Accepted.Add(1)
	if t.events.eachConnection {
		t.events.publish(messages.ConnectionOpened{Server: t.group.Name(), Peer: c.Peer()})
	}
	t.tell(messages.Adopt{Connection: child.self, Record: c})
	select {
	case <-t.gone: // it may never read that
		t.system.Root.Stop(child.self)
		return ErrServerGone
	default:
	}
	return nil
}

// sweep stops connections whose Adopt has been sent to a server that did not live
// to read it: the framework throws away what is in the mailbox of an actor that is
// stopped.
func (t *tracker) sweep() {
	below := t.server.Id + "/"
	var left []*actor.PID
	for _, bucket := range t.system.ProcessRegistry.LocalPIDs.LocalPIDs {
		bucket.IterCb(func(id string, _ any) {
			if strings.HasPrefix(id, below) {
				left = append(left, actor.NewPID(t.server.Address, id))
			}
		})
	}
	for _, pid := range left {
		t.system.Root.Stop(pid)
	}
}

func (t *tracker) refuse(c *conns.Conn) {
	_ = c.NetConn().Close()
	t.group.Refused.Add(1)
	t.leave()
}

// Admit implements conns.Tracker. The limit is the number of places: the server
// gives one back for each connection that has ended.
func (t *tracker) Admit() {
	if t.limit > 0 && !t.held.Load() && t.place() {
		t.held.Store(true)
	}
}

// place waits for a place and takes it; it reports false if the limit has been lifted.
func (t *tracker) place() bool {
	for n := t.taken.Load(); n >= t.limit || !t.taken.CompareAndSwap(n, n+1); n = t.taken.Load() {
		if n < t.limit {
			continue
		}
		select {
		case <-t.freed:
		case <-t.lifted:
			return false
		case <-t.gone:
			return false
		case <-*t.paused.Load():
			return false
		}
	}
	t.wake() // there may be another place, and another who waits
	return true
}

// pause and resume lift the limit while a suspended listener is emptied and
// closed: an acceptor that waits for a place would not see that it shall stop.
func (t *tracker) pause() { close(*t.paused.Load()) }

func (t *tracker) resume() {
	open := make(chan struct{})
	t.paused.Store(&open)
}

// leave gives a place back.
func (t *tracker) leave() {
	t.taken.Add(-1)
	t.wake()
}

// wake tells one who waits that there is a place, if there is.
func (t *tracker) wake() {
	if t.taken.Load() < t.limit {
		reply(t.freed, struct{}{})
	}
}

// Track implements conns.Tracker. Several goroutines may do it at once: each takes a
// place of its own.
func (t *tracker) Track(nc net.Conn) (*conns.Conn, error) {
	placed := t.limit > 0 && t.place()
	c := conns.New(t.group, nc)
	c.FollowReads()
	return c, t.adopt(c, placed)
}

// Group implements conns.Tracker.
func (t *tracker) Group() *conns.Group { return t.group }

// AskDrain implements conns.Tracker.
func (t *tracker) AskDrain(reason string) {
	t.tell(messages.Shutdown{Reason: reason, Deadline: time.Now().Add(t.timeout)})
}

func (t *tracker) tell(msg any) { t.system.Root.Send(t.server, msg) }

func (t *tracker) spawn(c *conns.Conn) (*connection, error) {
	child := &connection{tracker: t, conn: c}
	t.spawning <- struct{}{}
	defer func() { <-t.spawning }()
	c.Own(child) // before anybody can find its actor, and stop it
	t.next = child
	t.spawned++
	id := string(strconv.AppendInt(t.name, t.spawned, 36))
	pid, err := actor.DefaultSpawner(t.system, id, t.props, t.parent)
	if err == nil { // it knows its PID since it was started, in this goroutine
		// A PID looks its actor up once. A drain would do that for all at once, with
		// cold caches: the first message, which says nothing, does it now.
		t.system.Root.Send(pid, messages.Idle{})
	}
	return child, err
}
