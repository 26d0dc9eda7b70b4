package conns

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/godrain/drain/messages"
)

// Settings are the rules by which the connections of one server leave. In each
// duration 0 means the default and a negative value means "none, at once".
type Settings struct {
	IdleGrace    time.Duration // quiet time before an idle connection leaves, in the drain's first half; default 1 s
	CloseTimeout time.Duration // wait for the peer's WebSocket close frame, and see Conn.linger; default 5 s
	Linger       time.Duration // wait for the peer's FIN after ours; default 1 s
	NoFarewell   bool          // leave idle HTTP/1 connections without a 408

	CloseCode   int    // WebSocket close code, RFC 6455 section 7.4; default 1001 (going away)
	CloseReason string // WebSocket close reason, at most 123 bytes
	Spread      Spread // of the WebSockets' closes
}

// Spread spaces the closing of WebSockets out, so that their clients do not all
// come back in the same second. It happens inside the one deadline: what is left
// when three quarters of the time are gone is closed at once.
type Spread struct {
	Batch    int           // connections closed together; 0 switches spreading off
	Interval time.Duration // between two batches; default 100 ms
	Jitter   float64       // 0 to 1: how much of the interval is random; default 0.5, negative none
}

// The defaults of Settings.
const (
	DefaultIdleGrace    = time.Second
	DefaultCloseTimeout = 5 * time.Second
	DefaultLinger       = time.Second
	DefaultCloseCode    = 1001
)

// Longest is what a longer duration of a configuration is taken for: an instant so
// far away still is one.
const Longest = 10 * 365 * 24 * time.Hour

func orDefault(d, fallback time.Duration) time.Duration {
	switch {
	case d == 0:
		return fallback
	case d < 0:
		return 0
	}
	return min(d, Longest)
}

// WithDefaults resolves zero and negative durations.
func (s Settings) WithDefaults() Settings {
	s.IdleGrace = orDefault(s.IdleGrace, DefaultIdleGrace)
	s.CloseTimeout = orDefault(s.CloseTimeout, DefaultCloseTimeout)
	s.Linger = orDefault(s.Linger, DefaultLinger)
	if s.CloseCode == 0 {
		s.CloseCode = DefaultCloseCode
	}
	s.Spread.Interval = orDefault(s.Spread.Interval, 100*time.Millisecond)
	if s.Spread.Jitter == 0 {
		s.Spread.Jitter = 0.5
	}
	return s
}

// Override returns s with what is not zero in o in its place.
func (s Settings) Override(o Settings) Settings {
	if o.IdleGrace != 0 {
		s.IdleGrace = o.IdleGrace
	}
	if o.CloseTimeout != 0 {
		s.CloseTimeout = o.CloseTimeout
	}
	if o.Linger != 0 {
		s.Linger = o.Linger
	}
	if o.NoFarewell {
		s.NoFarewell = true
	}
	if o.CloseCode != 0 {
		s.CloseCode = o.CloseCode
	}
	if o.CloseReason != "" {
		s.CloseReason = o.CloseReason
	}
	if o.Spread != (Spread{}) {
		s.Spread = o.Spread
	}
	return s
}

// Counters are counted where things happen and read without asking anyone.
type Counters struct {
	Open, Busy, InFlight, Accepted, Requests            atomic.Int64
	Drained, Unanswered, Killed, Crashed, Refused, Lost atomic.Int64
	Late                                                atomic.Int64 // of Refused: after the server had gone

	Adoption Latency // from accepted to adopted
}

// Counts reads the counters.
func (c *Counters) Counts() messages.Counts {
	return messages.Counts{
		Open: c.Open.Load(), Busy: c.Busy.Load(), InFlight: c.InFlight.Load(),
		Accepted: c.Accepted.Load(), Requests: c.Requests.Load(),
		Drained: c.Drained.Load(), Unanswered: c.Unanswered.Load(), Killed: c.Killed.Load(),
		Crashed: c.Crashed.Load(), Refused: c.Refused.Load(), Late: c.Late.Load(), Lost: c.Lost.Load(),
	}
}

// Group is what the connections of one server share.
type Group struct {
	Settings
	Counters

	name     string
	drain    context.Context // cancelled when the drain begins
	begin    context.CancelFunc
	draining <-chan struct{} // closed when the drain begins
	drains   atomic.Bool     // drain is cancelled
	deadline atomic.Int64    // of the drain, see clock.go; 0 while there is none
	quiet    func()
	serials  atomic.Int64 // the connections' numbers
}

// NewGroup makes the shared half of a server's connections.
func NewGroup(name string, s Settings) *Group {
	g := &Group{Settings: s.WithDefaults(), name: name}
	g.drain, g.begin = context.WithCancel(context.Background())
	g.draining = g.drain.Done()
	return g
}

// Name is the server's.
func (g *Group) Name() string { return g.name }

// Drain fires the drain signal. The server calls it once.
func (g *Group) Drain(deadline time.Time) {
	g.deadline.Store(at(deadline))
	if g.drains.CompareAndSwap(false, true) {
		g.begin()
	}
}

// Draining is closed when the drain begins.
func (g *Group) Draining() <-chan struct{} { return g.draining }

// IsDraining reports whether the drain has begun.
func (g *Group) IsDraining() bool { return g.drains.Load() }

// unhurried is for a connection that leaves without a deadline.
const unhurried = 10 * time.Second

// halfway is when half of the time is over for a connection that was asked to leave
// at t: from then on it takes the next chance.
func (g *Group) halfway(t int64) int64 {
	if d := g.deadline.Load(); d > t {
		return t + (d-t)/2
	}
	return t + int64(unhurried)
}

// OnQuiet sets what is called, during a drain, when the last handler that was
// running has returned. It is set before the group is used.
func (g *Group) OnQuiet(f func()) { g.quiet = f }

// enter and exit bracket a handler.
func (g *Group) enter() { g.InFlight.Add(1) }

func (g *Group) exit() {
	if g.InFlight.Add(-1) == 0 && g.drains.Load() && g.quiet != nil {
		g.quiet()
	}
}

// Owner hears what happens on a connection, from one goroutine at a time and in
// order. Its methods do not block. Ended tells how many requests were lost.
type Owner interface {
	Busy()
	Idle()
	Ended(outcome messages.Outcome, lost int)
}

// Tracker adopts connections: it is what a server serves with.
type Tracker interface {
	// Admit waits for a place under the server's limit of connections. An acceptor
	// calls it before it accepts, so that the kernel's queue holds the rest. Called again
	// before the next Adopt, it returns at once: Admit and Adopt are for one goroutine.
	Admit()
	// Adopt makes c, for which Admit was called, a connection of the tree. An error
	// means that the server is gone; c is closed then.
	Adopt(c *Conn) error
	// Track is all that a transport of your own needs: Admit, and nc adopted.
	Track(nc net.Conn) (*Conn, error)
	// Group is what the connections of this server share.
	Group() *Group
	// AskDrain asks for a drain of this server alone.
	AskDrain(reason string)
}
