package actors

import (
	"log/slog"
	"net"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/conns"
)

// adopted is a connection in a tracker, as its reader knows it.
func adopted(t testing.TB) conns.Owner {
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	parent := system.Root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
	group := conns.NewGroup("test", conns.Settings{})
	tr := newTracker(&shared{system: system, bus: newBus(nil)}, parent, group, 0)
	ours, theirs := net.Pipe()
	t.Cleanup(func() {
		_ = ours.Close()
		_ = theirs.Close()
	})
	child, err := tr.spawn(conns.New(group, ours))
	require.NoError(t, err)
	return child
}

func TestBusyAndIdleAllocateNothing(t *testing.T) {
	owner := adopted(t)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		owner.Busy()
		owner.Idle()
	}))
	require.False(t, owner.(*connection).busy)
	owner.Busy()
	require.True(t, owner.(*connection).busy, "the actor has received it")
}

// BenchmarkBusyAndIdle is both messages, from the reader to the actor's state.
func BenchmarkBusyAndIdle(b *testing.B) {
	owner := adopted(b)
	b.ReportAllocs()
	for b.Loop() {
		owner.Busy()
		owner.Idle()
	}
}
