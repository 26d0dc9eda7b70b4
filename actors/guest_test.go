package actors

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/godrain/drain/conns"
)

// manner is how a client behaves, and the handler that serves it.
type manner struct {
	Silent bool          // it says nothing
	Work   time.Duration // what each answer takes
	Obeys  bool          // the handler looks at its context
	Panics bool          // it does, in place of an answer
	Ends   bool          // it returns after one
	Leaves time.Duration // when the client goes; 0 is when it is told to
}

// guest is a connection of a strict server, and what is known of it.
type guest struct {
	net.Conn
	manner
	client   net.Conn
	refused  bool        // of who serves
	began    atomic.Bool // its handler
	ended    atomic.Bool
	panicked atomic.Bool
	gone     atomic.Bool // the client, of its own accord
	owed     atomic.Bool // an answer is
	crossed  atomic.Bool // it was killed in the instant in which its request came
	cut      atomic.Bool // by its context
}

func newGuest(m manner) *guest {
	g := &guest{manner: m}
	g.Conn, g.client = net.Pipe()
	return g
}

// visit is the client.
func (g *guest) visit() {
	go func() { _, _ = io.Copy(io.Discard, g.client) }()
	if g.Leaves > 0 {
		time.AfterFunc(g.Leaves, func() { g.gone.Store(true); _ = g.client.Close() })
	}
	if !g.Silent {
		_, _ = g.client.Write([]byte("x"))
	}
}

func (g *guest) serve(c *conns.Conn) {
	g.began.Store(true)
	defer g.ended.Store(true)
	_ = c.Serve(g.handle)
}

func (g *guest) handle(ctx context.Context, c conns.RawConn) {
	for {
		if _, err := c.Read(make([]byte, 8)); err != nil {
			return
		}
		g.owed.Store(true)
		time.Sleep(time.Nanosecond) // of the bubble's time: all else of this instant goes first
		g.crossed.Store(c.(*conns.Conn).Doomed())
		if !g.work(ctx) {
			g.cut.Store(errors.Is(context.Cause(ctx), conns.ErrKilled))
			return
		}
		if g.Panics {
			g.panicked.Store(true)
			panic("on purpose")
		}
		if _, err := c.Write([]byte("y")); err != nil {
			return
		}
		g.owed.Store(false)
		c.Idle()
		if g.Ends {
			return
		}
	}
}

func (g *guest) work(ctx context.Context) (done bool) {
	var cancelled <-chan struct{}
	if g.Obeys {
		cancelled = ctx.Done()
	}
	select {
	case <-time.After(g.Work):
		return true
	case <-cancelled:
		return false
	}
}
