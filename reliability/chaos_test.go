package reliability

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	chaosDrains = flag.Int("chaos.drains", 0, "how many random drains; 0 is as many as -chaos.time allows")
	chaosSeed   = flag.Uint64("chaos.seed", 0, "the seed of one drain, to see it again")
	chaosTime   = flag.Duration("chaos.time", 15*time.Second, "how long to go on without -chaos.drains")
)

// TestChaos drains trees of every kind of server under load while everything that
// can fail fails at random instants. Each drain has a seed of its own, from which
// all of its decisions come: which of them meet is up to the scheduler, so a
// failure may take a few runs with the same seed to show again.
func TestChaos(t *testing.T) {
	if *chaosSeed != 0 {
		for range max(1, *chaosDrains) {
			chaos(t, *chaosSeed)
		}
		return
	}
	first := uint64(time.Now().UnixNano())
	sum := make(map[string]int)
	began := time.Now()
	drains := 0
	for ; *chaosDrains > 0 && drains < *chaosDrains || *chaosDrains == 0 && time.Since(began) < *chaosTime; drains++ {
		for what, n := range chaos(t, first+uint64(drains)) {
			sum[what] += n
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d drains in %s: %s", drains, time.Since(began).Round(time.Second), fmt.Sprint(sum))
}

// chaos is one random drain. It returns what happened.
func chaos(t *testing.T, seed uint64) map[string]int {
	before := takeCensus(chaosSystem)
	w := newWorld(t, seed)
	defer func() {
		if t.Failed() {
			t.Logf("again: go test ./reliability -run TestChaos -chaos.seed=%d -chaos.drains=100\n%s", seed, w.story())
		}
	}()
	w.start()
	w.live()
	w.end()
	settled(w, chaosSystem, before)
	w.judge()
	return w.tally()
}

var chaosSystem = quietSystem()

// dice make the decisions of one goroutine of a world.
type dice struct{ *rand.Rand }

// split makes dice for another goroutine: what they say does not depend on who
// throws first.
func (d dice) split() dice { return dice{rand.New(rand.NewPCG(d.Uint64(), d.Uint64()))} }

func (d dice) chance(percent int) bool { return d.IntN(100) < percent }

func (d dice) upTo(max time.Duration) time.Duration { return time.Duration(d.Int64N(int64(max) + 1)) }

func (d dice) among(choices ...time.Duration) time.Duration { return choices[d.IntN(len(choices))] }
