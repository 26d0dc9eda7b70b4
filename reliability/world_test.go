package reliability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/messages"
)

// world is one tree with its load and its faults.
type world struct {
	*testing.T
	seed   uint64
	dice   dice
	config drain.Config
	sites  []*site
	handle *drain.Handle
	over   chan struct{} // closed when handlers that ignore everything return

	events  *recorder
	actors  sync.WaitGroup // whoever does something to the tree
	asked   atomic.Int64   // when the drain was asked for, in Unix nanoseconds
	before  messages.Counts
	reports chan drain.Report
	report  drain.Report
	took    time.Duration
	stall   *stall

	mu      sync.Mutex // of what follows, told by clients and faults
	told    []string
	results map[result]int
	blames  []string // what was missed
	faults  atomic.Int64
	forced  atomic.Bool
	alone   atomic.Bool // a server was unregistered: it had a drain of its own, which the tree's met
	bogus   atomic.Bool // a server was handed a connection that is none
}

func newWorld(t *testing.T, seed uint64) *world {
	d := dice{rand.New(rand.NewPCG(seed, 1))}
	w := &world{
		T: t, seed: seed, dice: d, over: make(chan struct{}), reports: make(chan drain.Report, 16),
		results: make(map[result]int), events: &recorder{}, stall: watchStalls(),
	}
	w.config = drain.Config{
		Timeout: d.among(100*time.Millisecond, 200*time.Millisecond, 400*time.Millisecond),
		Logger:  quietLogger, Signals: []os.Signal{}, System: chaosSystem,
		Subscribers: []messages.Subscriber{w.events},
	}
	w.config.IdleGrace = d.among(-1, 2*time.Millisecond, 10*time.Millisecond, 30*time.Millisecond)
	w.config.Linger = d.among(-1, 5*time.Millisecond, 20*time.Millisecond)
	w.config.CloseTimeout = d.among(-1, 10*time.Millisecond, 50*time.Millisecond)
	w.config.NoFarewell = d.chance(10)
	if d.chance(20) {
		w.config.ReadyDelay = 5 * time.Millisecond
	}
	if d.chance(20) {
		w.config.MaxConns = 1 + d.IntN(4)
	}
	if d.chance(20) {
		w.config.Spread.Batch, w.config.Spread.Interval = 1, 3*time.Millisecond
	}
	for range d.IntN(3) {
		w.config.Subscribers = append(w.config.Subscribers, blocked{w.over})
	}
	w.choose()
	return w
}

// choose chooses the servers.
func (w *world) choose() {
	for len(w.sites) == 0 {
		for _, kind := range kinds {
			if w.dice.chance(40) {
				w.sites = append(w.sites, newSite(w, kind, w.dice.split()))
			}
		}
	}
}

func (w *world) start() {
	var list []drain.Server
	for _, s := range w.sites {
		list = append(list, s.server)
	}
	h, err := w.config.Start(context.Background(), list...)
	require.NoError(w, err)
	w.handle = h
	addrs := h.Addrs()
	for _, s := range w.sites {
		s.addr = addrs[s.name]
	}
	if w.dice.chance(50) {
		w.custom()
	}
}

// live lets load and faults loose, for some milliseconds.
func (w *world) live() {
	for _, s := range w.sites {
		for range 1 + w.dice.IntN(4) {
			d := w.dice.split()
			w.actors.Go(func() { s.client(d) })
		}
	}
	for range w.dice.IntN(5) {
		d := w.dice.split()
		f := faults[d.IntN(len(faults))]
		w.after(d, 25*time.Millisecond, func() { w.tell("fault: %s", f.name); f.do(w, d) })
	}
	w.pause(w.dice.upTo(20 * time.Millisecond)) // random instants are the subject
}

// after does something at a random instant.
func (w *world) after(d dice, within time.Duration, f func()) {
	w.actors.Go(func() {
		w.pause(d.upTo(within))
		f()
	})
}

// pause lets time pass, for no longer than the world lasts.
func (w *world) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.over:
	}
}

// end asks for the drain, once or more, and waits for the Report.
func (w *world) end() {
	w.before = w.counts()
	w.asked.Store(time.Now().UnixNano())
	askers := 1 + w.dice.IntN(3)
	w.tell("drain")
	for range askers {
		w.actors.Go(func() {
			report, _ := w.handle.Shutdown(context.Background())
			w.reports <- report
		})
	}
	if w.dice.chance(15) {
		w.after(w.dice.split(), 30*time.Millisecond, func() {
			w.forced.Store(true)
			_, _ = w.handle.ForceShutdown(context.Background())
		})
	}
	select {
	case <-w.handle.Done():
	case <-time.After(patience):
		require.Fail(w, "the drain did not end", stacks())
		w.FailNow()
	}
	w.took = time.Since(time.Unix(0, w.asked.Load()))
	w.report = <-w.reports
	for range askers - 1 {
		require.Equal(w, w.report, <-w.reports, "everyone gets the same Report")
	}
	close(w.over)
	w.actors.Wait()
	w.stall.stop()
}

func (w *world) tell(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Duration(0)
	if asked := w.asked.Load(); asked != 0 {
		at = time.Since(time.Unix(0, asked))
	}
	w.told = append(w.told, fmt.Sprintf("%8s ", at.Round(10*time.Microsecond))+fmt.Sprintf(format, args...))
}

// story is what there is to know about a world that has failed.
func (w *world) story() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%+v\n%s\n%v\nmissed: %s\nevents:\n%s\ncounts %+v\nstall %s, took %s", w.config,
		strings.Join(w.told, "\n"), w.report, strings.Join(w.blames, "\n"), strings.Join(w.events.list(), "\n"),
		w.counts(), w.stall.worst(), w.took)
}

// counts sums the counters of all servers.
func (w *world) counts() (sum messages.Counts) {
	if w.handle == nil {
		return sum
	}
	for _, c := range w.handle.Gauges().Servers() {
		sum.Open += c.Open
		sum.Busy += c.Busy
		sum.InFlight += c.InFlight
		sum.Accepted += c.Accepted
		sum.Drained += c.Drained
		sum.Unanswered += c.Unanswered
		sum.Killed += c.Killed
		sum.Crashed += c.Crashed
		sum.Refused += c.Refused
		sum.Late += c.Late
		sum.Lost += c.Lost
	}
	return sum
}

func (w *world) tally() map[string]int {
	sum := map[string]int{"connections": int(w.counts().Accepted), "faults": int(w.faults.Load())}
	for r, n := range w.results {
		sum[string(r)] += n
	}
	if w.report.Err() == nil {
		sum["clean drains"]++
	}
	return sum
}
