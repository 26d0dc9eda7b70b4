package verdict

import (
	"fmt"
	"slices"
	"time"
)

// Trial is one stop of the server under one load.
type Trial struct {
	Tally
	Connections  int // connections that were established
	Signalled    time.Time
	LastResponse time.Time // the last byte of the last complete response; zero if there was none
	Exited       time.Time
	Hung         bool
	Executed     int // requests the server says it has executed, if Counted
	Counted      bool
	Notes        []string
	Lines        []Line
}

// SignalToExit is how long the server took to exit.
func (t *Trial) SignalToExit() time.Duration { return t.Exited.Sub(t.Signalled) }

// LastResponseToExit is how long it stayed after its last complete response, counted from the signal if that came later.
func (t *Trial) LastResponseToExit() time.Duration {
	from := t.Signalled
	if t.LastResponse.After(from) {
		from = t.LastResponse
	}
	return max(0, t.Exited.Sub(from))
}

// Status is a scenario's verdict in a word.
type Status string

const (
	// Clean is a scenario in which nothing was lost and nothing hung.
	Clean Status = "clean"
	// Lossy is one in which something was lost or cut, and nothing hung.
	Lossy Status = "lost"
	// Hung is one in which the server did not exit in time (and may have lost requests as well).
	Hung Status = "hung"
	// NotRun is one whose precondition was not given.
	NotRun Status = "not run"
	// Failed is one that could not be carried out.
	Failed Status = "failed"
)

// Failure is a server that could not be tested, with the end of what it wrote.
type Failure struct {
	Reason string
	Output string
}

func (f *Failure) Error() string { return f.Reason }

// Result is a scenario's outcome over all its trials.
type Result struct {
	Name, Title string
	Tally       Tally
	Trials      int
	Connections int
	HungTrials  int
	ToExit      []time.Duration // of the trials that ended by themselves
	AfterLast   []time.Duration
	Counted     bool
	Unanswered  int // executed but unanswered
	Enable      string
	Err         error
	Notes       []string
	Output      string // the end of what a server that hung had written
	Picture     *Trial // the trial worth a picture: the one that lost most, else the last
}

// Add takes one trial into the result.
func (r *Result) Add(t Trial) {
	r.Trials++
	r.Tally.Merge(t.Tally)
	r.Connections += t.Connections
	if t.Hung {
		r.HungTrials++
	} else {
		r.ToExit = append(r.ToExit, t.SignalToExit())
		r.AfterLast = append(r.AfterLast, t.LastResponseToExit())
	}
	if t.Counted {
		r.Counted = true
		r.Unanswered += max(0, t.Executed-t.Of(Answered))
	}
	for _, note := range t.Notes {
		r.Note(note)
	}
	if r.Picture == nil || t.Lost() >= r.Picture.Lost() {
		r.Picture = &t
	}
}

// Note adds a remark once.
func (r *Result) Note(note string) {
	if !slices.Contains(r.Notes, note) {
		r.Notes = append(r.Notes, note)
	}
}

// Status judges the result. What was lost before something failed stays lost.
func (r *Result) Status() Status {
	switch {
	case r.Enable != "":
		return NotRun
	case r.HungTrials > 0:
		return Hung
	case r.Tally.Lost() > 0:
		return Lossy
	case r.Err != nil || r.Trials == 0:
		return Failed
	}
	return Clean
}

// Median returns the median of durations, 0 for none.
func Median(ds []time.Duration) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(ds))
	return sorted[len(sorted)/2]
}

// Exit codes of the command.
const (
	ExitClean  = 0
	ExitLost   = 1
	ExitNotRun = 2
)

// ExitCode judges a whole run: losses beyond what is allowed and hung servers outweigh scenarios that could not run.
// wanted names the scenarios asked for by name: such a one that was not run could not run.
func ExitCode(results []*Result, maxLost int, wanted []string) int {
	lost, hung, failed, ran := 0, 0, 0, 0
	for _, r := range results {
		lost += r.Tally.Lost()
		hung += r.HungTrials
		if r.Err != nil || (r.Enable != "" && slices.Contains(wanted, r.Name)) {
			failed++
		}
		if r.Trials > 0 {
			ran++
		}
	}
	switch {
	case lost > maxLost || hung > 0:
		return ExitLost
	case failed > 0 || ran == 0:
		return ExitNotRun
	}
	return ExitClean
}

// Summary is the last line: the whole run in a sentence.
func Summary(results []*Result, maxLost int) string {
	var written, lost, hung, stops, failed, notRun int
	for _, r := range results {
		written += r.Tally.Written()
		lost += r.Tally.Lost()
		hung += r.HungTrials
		stops += r.Trials
		switch {
		case r.Enable != "":
			notRun++
		case r.Err != nil:
			failed++
		}
	}
	s := fmt.Sprintf("%d lost of %d requests in %d stops", lost, written, stops)
	if hung > 0 {
		s += fmt.Sprintf(", %d hung", hung)
	}
	if failed > 0 {
		s += fmt.Sprintf(", %d scenarios could not run", failed)
	}
	if notRun > 0 {
		s += fmt.Sprintf(", %d not run", notRun)
	}
	if lost > 0 && lost <= maxLost {
		s += fmt.Sprintf(" (-max-lost %d allows that)", maxLost)
	}
	return s
}
