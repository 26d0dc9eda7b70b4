package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tally counts outcomes. A tally has one owner; tallies are merged when their owners have finished.
type Tally struct {
	counts [outcomes]int
	// Early counts requests that failed before the signal: the server's fault, but not its shutdown's.
	Early int
	// ErrorStatus counts complete answers with a status of 400 or more, but for a 408 or 503 after the signal: they are
	// answers, yet worth a note.
	ErrorStatus map[int]int
	// CloseCodes counts the codes of the WebSocket close frames seen; 1006 stands for none, 1005 for a frame without one.
	CloseCodes map[int]int
}

// Add counts one outcome.
func (t *Tally) Add(o Outcome) { t.counts[o]++ }

// AddCloseCode counts one WebSocket's end.
func (t *Tally) AddCloseCode(code int) { t.CloseCodes = plus(t.CloseCodes, code, 1) }

// AddErrorStatus counts one answer.
func (t *Tally) AddErrorStatus(status int) { t.ErrorStatus = plus(t.ErrorStatus, status, 1) }

func plus(m map[int]int, key, n int) map[int]int {
	if m == nil {
		m = make(map[int]int)
	}
	m[key] += n
	return m
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
	for code, n := range other.CloseCodes {
		t.CloseCodes = plus(t.CloseCodes, code, n)
	}
	for status, n := range other.ErrorStatus {
		t.ErrorStatus = plus(t.ErrorStatus, status, n)
	}
}

// Counts writes a map of counts: "1001×2 1006×1".
func Counts(m map[int]int) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d×%d", key, m[key]))
	}
	return strings.Join(parts, " ")
}
