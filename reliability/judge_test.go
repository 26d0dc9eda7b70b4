package reliability

import (
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/godrain/drain/messages"
)

// slack is what a deadline may be missed by on a machine that does other things
// too.
const slack = 60 * time.Millisecond

// judge holds the Report against what the clients, the counters and the
// events say.
func (w *world) judge() {
	sum, counts := w.report.Sum(), w.counts()
	assert.Less(w, w.took, w.config.Timeout+slack+5*w.stall.worst(), "the deadline")

	crashedServers := 0
	for _, s := range w.report.Servers {
		if s.Err != nil {
			crashedServers++
		}
		cut := 0
		for _, c := range s.Stragglers {
			if c.Outcome == messages.OutcomeKilled || c.Outcome == messages.OutcomeCrashed {
				cut++
			}
		}
		if s.Err == nil {
			assert.Equal(w, s.Killed+s.Crashed, cut, "%s: every connection that was cut is named", s.Name)
		}
	}

	// What the report counts is what ended in the drain: no more than has ended
	// since just before it.
	ended := func(c messages.Counts) int64 { return c.Drained + c.Unanswered + c.Killed + c.Crashed + c.Refused }
	inReport := int64(0)
	for _, s := range w.report.Servers {
		_, counted := w.handle.Gauges().Servers()[s.Name] // not the actor of the user's
		if counted && s.Err == nil {                      // one that has failed had a drain of its own
			inReport += int64(s.Drained + s.Unanswered + s.Killed + s.Crashed + s.Refused)
		}
	}
	if !w.alone.Load() {
		assert.LessOrEqual(w, inReport, ended(counts)-ended(w.before), "outcomes in the Report")
	}
	if !w.bogus.Load() {
		assert.LessOrEqual(w, counts.Accepted, ended(counts), "every connection that was accepted has ended")
		assert.LessOrEqual(w, ended(counts)-counts.Refused, counts.Accepted, "once")
	}
	if !w.bogus.Load() {
		assert.Zero(w, counts.Open, "Open")
	}
	assert.Zero(w, counts.Busy, "Busy")
	assert.Zero(w, counts.InFlight, "InFlight")

	// What is killed counts as lost unless it is known to have arrived, each stream of
	// HTTP/2 by itself; the kernel may deliver it yet, or has just done so.
	unanswered := int64(w.results[missed] + w.results[gaveUp] + w.results[excused])
	assert.LessOrEqual(w, counts.Lost, max(unanswered, streamsAtOnce*(counts.Killed+counts.Crashed)), "requests that the servers call lost are lost to clients")
	cut := counts.Killed + counts.Crashed + counts.Lost + w.faults.Load()
	if cut == 0 && !w.forced.Load() && crashedServers == 0 {
		assert.Zero(w, w.results[missed], "nothing was cut and nothing failed")
	}
	if w.report.Err() == nil {
		assert.Zero(w, sum.Killed+sum.Crashed+sum.Lost+sum.Running)
	}
	assert.Equal(w, sum.Killed+sum.Crashed+sum.Lost+sum.Running == 0 && crashedServers == 0, w.report.Err() == nil)
}
