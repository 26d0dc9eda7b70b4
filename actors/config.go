package actors

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// Config is how a tree drains. The zero value is useful. In each duration 0
// means the default and a negative value means "none, at once".
type Config struct {
	// Timeout bounds the whole drain, of all servers and connections together:
	// from the request to the Report. Default 25 s (Kubernetes kills at 30).
	Timeout time.Duration
	// ReadyDelay is how long everything is served as before after readiness has
	// turned 503, so that load balancers notice. It is part of Timeout, and must
	// be shorter. Default 0.
	ReadyDelay time.Duration
	// Limits are the defaults of every server.
	Limits
	// Subscribers are told of events.
	Subscribers []messages.Subscriber
}

// DefaultTimeout is Config.Timeout's default.
const DefaultTimeout = 25 * time.Second

// WithDefaults resolves the durations of the tree; those of a server are
// resolved by conns.Settings, once the server's own are known.
func (c Config) WithDefaults() Config {
	switch {
	case c.Timeout == 0:
		c.Timeout = DefaultTimeout
	case c.Timeout < 0:
		c.Timeout = 0
	}
	c.Timeout = min(c.Timeout, conns.Longest)
	c.ReadyDelay = min(max(c.ReadyDelay, 0), conns.Longest)
	return c
}

// Validate says what is wrong with the configuration, if anything is.
func (c Config) Validate() error {
	r := c.WithDefaults()
	var errs []error
	if r.ReadyDelay > 0 && r.ReadyDelay >= r.Timeout {
		errs = append(errs, fmt.Errorf("ReadyDelay (%s) must be shorter than Timeout (%s), which includes it", r.ReadyDelay, r.Timeout))
	}
	return badConfig("drain: ", append(errs, r.check()...))
}

// validate says what is wrong with the limits of one server, as they are with its
// own settings in the place of the tree's. Whose they are is said by who asks.
func (l Limits) validate() error { return badConfig("", l.check()) }

func badConfig(whose string, errs []error) error {
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%sbad configuration: %w", whose, err)
	}
	return nil
}

func (l Limits) check() (errs []error) {
	if l.MaxConns < 0 {
		errs = append(errs, fmt.Errorf("MaxConns is %d: it must not be negative; 0 is no limit", l.MaxConns))
	}
	settings := l.WithDefaults()
	if err := conns.ValidateClose(settings.CloseCode, settings.CloseReason); err != nil {
		errs = append(errs, fmt.Errorf("CloseCode and CloseReason: %w", err))
	}
	if s := l.Spread; s.Batch < 0 || !(s.Jitter <= 1) { // NaN is no number up to 1
		errs = append(errs, fmt.Errorf("Spread{Batch: %d, Jitter: %g}: Batch must not be negative, Jitter at most 1", s.Batch, s.Jitter))
	}
	return errs
}

// Child is a child of the root: a managed server, or an actor of your own.
type Child struct {
	name   string
	server Server
	props  *actor.Props
}

// Managed makes a server a child of the root. A nil one is refused by that.
func Managed(s Server) Child {
	if s == nil {
		return Child{}
	}
	return Child{name: s.Name(), server: s}
}

// Custom makes an actor of your own a child of the root: a consumer, a pool, a
// scheduler. It is sent messages.Shutdown, and answers with messages.Drained,
// its own PID in it, when it has nothing left to do; and messages.ForceShutdown
// when its time is over. It hears either of them again if somebody brings the deadline forward.
func Custom(name string, props *actor.Props) Child { return Child{name: name, props: props} }

// Register asks the root of a running tree to start one more child. It is
// answered with messages.Done.
type Register struct {
	Child Child
	Reply chan<- messages.Done
}

// shared is what the actors of one tree share: nothing in it changes, but the
// list of groups, which is replaced as a whole.
type shared struct {
	system  *actor.ActorSystem
	bus     *bus
	limits  Limits
	timeout time.Duration
	groups  *groups
}

type groups struct {
	list atomic.Pointer[[]*seen]
}

// seen is what is read of a server without asking it.
type seen struct {
	group  *conns.Group // set before it is listed
	failed atomic.Bool
	gone   atomic.Bool
}

func (s *seen) counts() messages.Counts {
	if s.group == nil {
		return messages.Counts{}
	}
	return s.group.Counts()
}

func (g *groups) add(s *seen) {
	for {
		old := g.list.Load()
		list := []*seen{s}
		if old != nil {
			for _, other := range *old { // one that was unregistered may have had its name
				if other.group.Name() != s.group.Name() {
					list = append(list, other)
				}
			}
		}
		if g.list.CompareAndSwap(old, &list) {
			return
		}
	}
}

// Gauges read the counters of a tree without asking any actor.
type Gauges struct {
	groups *groups
	bus    atomic.Pointer[bus]
	phase  atomic.Uint32
	due    atomic.Int64

	entered [messages.PhaseDone + 1]atomic.Int64 // when, in ns since 1970
}

// Servers are the counts of each server, by name.
func (g *Gauges) Servers() map[string]messages.Counts {
	counts := make(map[string]messages.Counts)
	if list := g.groups.list.Load(); list != nil {
		for _, s := range *list {
			counts[s.group.Name()] = s.group.Counts()
		}
	}
	return counts
}

// Phase is the tree's phase and, while it is being drained, its deadline.
func (g *Gauges) Phase() (messages.Phase, time.Time) {
	due := g.due.Load()
	if due == 0 {
		return messages.Phase(g.phase.Load()), time.Time{}
	}
	return messages.Phase(g.phase.Load()), time.Unix(0, due)
}

// Dropped is how many events slow subscribers have missed.
func (g *Gauges) Dropped() int64 {
	if b := g.bus.Load(); b != nil {
		return b.dropped.Load()
	}
	return 0
}
