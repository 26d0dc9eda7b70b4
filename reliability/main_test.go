package reliability

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(peersOf); spec != "" {
		if err := bePeers(spec); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m,
		// The framework counts dead letters in a goroutine that lives for a while.
		goleak.IgnoreTopFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func4.1"))
}

// patience bounds what a test waits for; nothing takes nearly as long.
const patience = 20 * time.Second

var quietLogger = slog.New(slog.DiscardHandler)

// quietSystem is an actor system that does not log.
func quietSystem() *actor.ActorSystem {
	return actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quietLogger }),
		actor.WithDeadLetterThrottleInterval(time.Millisecond),
	)
}

// eventually waits for what no event tells. It starts no goroutine: one of its
// uses counts them.
func eventually(t require.TestingT, what string, f func() bool) {
	deadline := time.Now().Add(patience)
	for !f() {
		if time.Now().After(deadline) {
			require.Fail(t, "it never came true: "+what)
			t.FailNow()
		}
		time.Sleep(time.Millisecond) // between two looks: a counter, or the kernel, tells nobody
	}
}

// census is what must be the same before and after.
type census struct{ goroutines, descriptors, pids int }

func takeCensus(system *actor.ActorSystem) census {
	return census{goroutines: goroutines(), descriptors: descriptors(), pids: len(pidsOf(system))}
}

// goroutines does not count the framework's counter of dead letters.
func goroutines() int {
	n := runtime.NumGoroutine()
	if n > 3 && n < 20 { // looking at each is expensive
		n -= strings.Count(stacks(), "created by github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle")
	}
	return n
}

var stackBuffer [1 << 20]byte

func stacks() string { return string(stackBuffer[:runtime.Stack(stackBuffer[:], true)]) }

func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // not Linux: they are not counted
	}
	return len(entries)
}

func pidsOf(s *actor.ActorSystem) (ids []string) {
	for _, bucket := range s.ProcessRegistry.LocalPIDs.LocalPIDs {
		if bucket.Count() > 0 { // Keys starts goroutines
			ids = append(ids, bucket.Keys()...)
		}
	}
	return ids
}

// settled waits until nothing is left of what was started since before.
func settled(t require.TestingT, system *actor.ActorSystem, before census) {
	deadline := time.Now().Add(patience)
	for {
		after := takeCensus(system)
		if after.goroutines <= before.goroutines && after.descriptors <= before.descriptors && after.pids <= before.pids {
			return
		}
		if time.Now().After(deadline) {
			require.Fail(t, "something is left", "before %+v, after %+v\nPIDs %v\n%s", before, after, pidsOf(system), stacks())
			t.FailNow()
		}
		time.Sleep(time.Millisecond) // no event tells that the runtime has given up a goroutine
	}
}
