package messages

import "time"

// Vitals are what can be read of a tree at any rate: counters and the phase. No
// actor is asked, and it costs the same with any number of connections.
type Vitals struct {
	Phase    Phase
	Entered  map[Phase]time.Time // when each phase was entered that has been
	Deadline time.Time           // of the drain in progress, or that is over
	Dropped  int64               // events that slow subscribers have missed
	Servers  []ServerVitals      // by name
}

// Began is when the drain began; zero if none has.
func (v Vitals) Began() time.Time {
	for p := PhaseAnnounced; p < PhaseDone; p++ {
		if t, ok := v.Entered[p]; ok {
			return t
		}
	}
	return time.Time{}
}

// ServerVitals are one server's.
type ServerVitals struct {
	Name     string
	Failed   bool // it could not go on serving, and has not been unregistered
	Gone     bool // it has been unregistered; its counters stay until another has its name
	Counts   Counts
	Adoption Histogram // from a connection's being accepted to its being in its server's set
}

// Histogram is a distribution of durations.
type Histogram struct {
	Bounds []time.Duration // upper bounds, inclusive, ascending
	Counts []int64         // one for each bound and one for what lies above; not cumulative
	Sum    time.Duration
}
