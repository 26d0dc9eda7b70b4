package verdict

import "maps"

// Tally counts outcomes. A tally has one owner; tallies are merged when their owners have finished.
type Tally struct {
	counts [outcomes]int
	// Early counts requests that failed before the signal: the server's fault, but not its shutdown's.
	Early int
	// ServerErrors counts complete answers with a status of 500 or more, 503 apart: answered, yet worth a note.
	ServerErrors int
	// CloseCodes counts the codes of the WebSocket close frames seen; 1006 stands for none, 1005 for a frame without one.
	CloseCodes map[int]int
}

// Add counts one outcome.
func (t *Tally) Add(o Outcome) { t.counts[o]++ }

// AddCloseCode counts one WebSocket's end.
func (t *Tally) AddCloseCode(code int) {
	if t.CloseCodes == nil {
		t.CloseCodes = make(map[int]int)
	}
	t.CloseCodes[code]++
}

// Of returns how often the outcome was counted.
func (t *Tally) Of(o Outcome) int { return t.counts[o] }

// Lost returns how many requests were lost, in whatever way.
func (t *Tally) Lost() int {
	return t.Of(LostClosed) + t.Of(LostReset) + t.Of(LostCut) + t.Of(LostTimedOut)
}

// Written returns how many requests were written on an established connection.
func (t *Tally) Written() int { return t.Of(Answered) + t.Of(Repeat) + t.Lost() }

// Merge adds the counts of another tally.
func (t *Tally) Merge(other Tally) {
	for i, n := range other.counts {
		t.counts[i] += n
	}
	t.Early += other.Early
	t.ServerErrors += other.ServerErrors
	if t.CloseCodes == nil {
		t.CloseCodes = maps.Clone(other.CloseCodes)
		return
	}
	for code, n := range other.CloseCodes {
		t.CloseCodes[code] += n
	}
}
