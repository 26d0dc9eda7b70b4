package drain

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// DefaultSignalGap is Config.SignalGap's default.
const DefaultSignalGap = time.Second

// signals are those that ask for a drain. They belong to the goroutine in attend.
type signals struct {
	caught chan os.Signal
	wanted []os.Signal
	gap    time.Duration
	first  time.Time
}

// catch catches signals from now on.
func (c Config) catch() *signals {
	s := &signals{caught: make(chan os.Signal, 4), wanted: c.Signals, gap: c.SignalGap}
	if s.wanted == nil {
		s.wanted = []os.Signal{syscall.SIGTERM, os.Interrupt}
	}
	if s.gap == 0 {
		s.gap = DefaultSignalGap
	}
	if len(s.wanted) > 0 { // none would be all
		signal.Notify(s.caught, s.wanted...)
	}
	return s
}

type verdict int

const (
	first  verdict = iota // it asks for the drain
	same                  // it is the first one once more
	second                // it forces
)

// judge says what a signal that has just been caught is.
func (s *signals) judge() verdict {
	now := time.Now()
	switch {
	case s.first.IsZero():
		s.first = now
		return first
	case now.Sub(s.first) < s.gap:
		return same
	}
	return second
}

// release lets signals have their own effect again. The first one's second delivery
// must not end a program that is about to clean up, however soon the drain was over; but
// nor must a long SignalGap keep a person from ending one that does not get through with that.
func (s *signals) release() {
	if left := time.Until(s.first.Add(min(s.gap, DefaultSignalGap))); !s.first.IsZero() && left > 0 {
		time.AfterFunc(left, func() { signal.Stop(s.caught) })
		return
	}
	signal.Stop(s.caught)
}
