package actors

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The framework counts dead letters in a goroutine that lives for a while.
		goleak.IgnoreTopFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func4.1"))
}

const patience = 20 * time.Second

var (
	quietly = slog.New(slog.DiscardHandler)
	system  = actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quietly }),
		actor.WithDeadLetterThrottleInterval(time.Millisecond))
)

// fake is a server without sockets: its connections are pipes. Each of its
// methods does what the test says.
type fake struct {
	name      string
	tracker   atomic.Pointer[conns.Tracker]
	serving   chan struct{}
	unbound   chan struct{}
	unbinds   atomic.Int32
	released  chan struct{}
	onBind    func() error
	onServe   func() error
	onUnbind  func(context.Context) error
	onRelease func()
}

func newFake(name string) *fake {
	return &fake{name: name, serving: make(chan struct{}, 10), unbound: make(chan struct{}, 10), released: make(chan struct{}, 10)}
}

func (f *fake) Name() string { return f.name }

func (f *fake) Bind(context.Context) (string, error) {
	if f.onBind != nil {
		return "fake", f.onBind()
	}
	return "fake", nil
}

func (f *fake) Serve(t conns.Tracker) error {
	f.tracker.Store(&t)
	f.serving <- struct{}{}
	if f.onServe != nil {
		return f.onServe()
	}
	<-f.unbound
	return nil
}

func (f *fake) Unbind(ctx context.Context) error {
	f.unbinds.Add(1)
	select {
	case f.unbound <- struct{}{}:
	default:
	}
	if f.onUnbind != nil {
		return f.onUnbind(ctx)
	}
	return nil
}

func (f *fake) Release() {
	if f.onRelease != nil {
		f.onRelease()
	}
	f.released <- struct{}{}
}

// connect makes one connection, and returns the client's end.
func (f *fake) connect(t *testing.T) (*conns.Conn, net.Conn) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = theirs.Close() })
	c, err := (*f.tracker.Load()).Track(ours)
	require.NoError(t, err)
	return c, theirs
}

// rig is a running tree.
type rig struct {
	*testing.T
	pid    *actor.PID
	gauges *Gauges
	events chan messages.Event
}

func (r *rig) Notify(e messages.Event) {
	select {
	case r.events <- e:
	default:
	}
}

func (r *rig) EachConnection() bool { return true }

func plant(t *testing.T, c Config, children ...Child) *rig {
	r := &rig{T: t, events: make(chan messages.Event, 1000)}
	c.Subscribers = append(c.Subscribers, r)
	var props *actor.Props
	props, r.gauges = RootWithGauges(c, children...)
	r.pid = system.Root.Spawn(props)
	t.Cleanup(func() {
		r.report(r.force())
		system.Root.Stop(r.pid)
	})
	return r
}

// serving waits until everything serves, or says why it does not.
func (r *rig) serving() error {
	reply := make(chan messages.Done, 1)
	r.send(AwaitServing{Reply: reply})
	return receive(r.T, reply).Err
}

func (r *rig) send(msg any) { system.Root.Send(r.pid, msg) }

func (r *rig) shutdown() <-chan messages.Report {
	reply := make(chan messages.Report, 1)
	r.send(messages.Shutdown{Reply: reply})
	return reply
}

func (r *rig) force() <-chan messages.Report {
	reply := make(chan messages.Report, 1)
	r.send(messages.ForceShutdown{Reply: reply})
	return reply
}

func (r *rig) report(from <-chan messages.Report) messages.Report { return receive(r.T, from) }

func (r *rig) status() messages.Status {
	reply := make(chan messages.Status, 1)
	r.send(messages.GetStatus{Each: 100, Reply: reply})
	return receive(r.T, reply)
}

func (r *rig) server(name string) *actor.PID {
	for _, s := range r.status().Servers {
		if s.Name == name {
			return s.Server
		}
	}
	require.FailNow(r, "no such server")
	return nil
}

func receive[T any](t *testing.T, from <-chan T) (answer T) {
	t.Helper()
	select {
	case answer = <-from:
	case <-time.After(patience):
		require.FailNow(t, "no answer")
	}
	return answer
}

// await waits for an event.
func await[E messages.Event](r *rig) E {
	r.Helper()
	for {
		if e, ok := receive(r.T, r.events).(E); ok {
			return e
		}
	}
}

// eventually waits for what no event tells: a counter, most of the time.
func eventually(t *testing.T, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); {
		require.True(t, time.Now().Before(deadline), "it never came true")
		time.Sleep(time.Millisecond) // between two looks: a counter tells nobody
	}
}

// inBubble runs f where time costs nothing.
func inBubble(t *testing.T, f func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Hour) }) // for what counts dead letters, and what ends late
		f(t)
	})
}

// brief is a configuration in which nobody waits for long.
func brief() Config {
	c := Config{Timeout: 300 * time.Millisecond}
	c.IdleGrace, c.Linger = -1, -1
	return c
}
