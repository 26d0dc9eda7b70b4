// Package report tells what was found: as a table while it runs, as JSON, as JUnit XML, as a page with pictures.
package report

import (
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

// Report is a whole run, as it is told.
type Report struct {
	Command  string
	Args     []string // draincheck's own
	PID      int
	Signal   string
	Trials   int
	Conns    int
	Think    time.Duration
	RTT      time.Duration
	Timeout  time.Duration
	MaxLost  int
	Wanted   []string
	Results  []*verdict.Result
	Finished time.Time
}

// ExitCode is the command's.
func (r *Report) ExitCode() int { return verdict.ExitCode(r.Results, r.MaxLost, r.Wanted) }

// Summary is the run in a sentence.
func (r *Report) Summary() string { return verdict.Summary(r.Results, r.MaxLost) }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
