package drain

import (
	"log/slog"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// quietSystem is an actor system that does not log; nor does a goroutine of its
// dead letters' throttle outlive the tree.
func quietSystem() *actor.ActorSystem {
	system := actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
		actor.WithDeadLetterThrottleInterval(time.Millisecond),
	)
	fewerMaps(system.ProcessRegistry.LocalPIDs)
	return system
}

// fewerMaps makes the registry of a system that nobody uses yet smaller. It has
// 1,024 buckets of 32 maps each, one for every actor of a server with 32,768
// connections, and a Go map with a single entry in it takes 288 bytes. A
// connection's share of the 32 fuller maps of one bucket is a quarter of that; and the
// garbage collector looks at 32,000 maps less.
func fewerMaps(registry *actor.SliceMap) {
	all := registry.LocalPIDs
	registry.LocalPIDs = slices.Clone(all[:1])
	for _, bucket := range all[1:] { // the system's own actors may be in them
		bucket.IterCb(func(id string, process any) { registry.GetBucket(id).Set(id, process) })
	}
}
