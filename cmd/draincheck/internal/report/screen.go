package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

// Screen is the table on the terminal, with a progress bar below it while the run lasts.
type Screen struct {
	out io.Writer
	bar *progressbar.ProgressBar // nil if nobody looks
}

// NewScreen writes the table to out. The bar goes to the terminal, if there is one, for so many stops.
func NewScreen(out io.Writer, terminal *os.File, stops int) *Screen {
	s := &Screen{out: out}
	if term.IsTerminal(int(terminal.Fd())) {
		s.bar = progressbar.NewOptions(stops, progressbar.OptionSetWriter(terminal), progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	}
	return s
}

const row = "%-13s %8s %6s  %-27s %6s %7s %7s  %15s  %s\n"

// Header writes the table's head.
func (s *Screen) Header() {
	fmt.Fprintf(s.out, row, "scenario", "requests", "lost", "closed/reset/cut/timed out", "repeat", "refused", "cl.bef.",
		"exit ms med/max", "verdict")
}

// Progress moves the bar.
func (s *Screen) Progress(r *verdict.Result) {
	if s.bar != nil {
		s.bar.Describe(r.Name)
		s.bar.Add(1)
	}
}

// Row writes a scenario's line.
func (s *Screen) Row(r *verdict.Result) {
	if s.bar != nil {
		s.bar.Clear()
	}
	t := &r.Tally
	if r.Trials == 0 {
		fmt.Fprintf(s.out, row, r.Name, "-", "-", "", "", "", "", "", Verdict(r))
		return
	}
	split := ""
	if t.Lost() > 0 {
		split = fmt.Sprintf("%d/%d/%d/%d", t.Of(verdict.LostClosed), t.Of(verdict.LostReset), t.Of(verdict.LostCut), t.Of(verdict.LostTimedOut))
	}
	exit := "-"
	if len(r.ToExit) > 0 {
		exit = fmt.Sprintf("%.0f/%.0f", ms(verdict.Median(r.ToExit)), ms(slices.Max(r.ToExit)))
	}
	fmt.Fprintf(s.out, row, r.Name, num(t.Written()), num(t.Lost()), split, num(t.Of(verdict.Repeat)),
		num(t.Of(verdict.Refused)+t.Of(verdict.ResetDialling)), num(t.Of(verdict.ClosedBefore)), exit, Verdict(r))
}

func num(n int) string { return fmt.Sprint(n) }

// Verdict is a result's judgement for a human.
func Verdict(r *verdict.Result) string {
	var parts []string
	switch r.Status() {
	case verdict.NotRun:
		return "not run: give " + r.Enable
	case verdict.Clean:
		parts = append(parts, "clean")
	case verdict.Hung:
		parts = append(parts, fmt.Sprintf("HUNG %d of %d", r.HungTrials, r.Trials))
	}
	if n := r.Tally.Lost(); n > 0 {
		parts = append(parts, fmt.Sprintf("LOST %d", n))
	}
	if r.Counted && r.Unanswered > 0 {
		parts = append(parts, fmt.Sprintf("%d executed but unanswered", r.Unanswered))
	}
	if codes := verdict.Counts(r.Tally.CloseCodes); codes != "" {
		parts = append(parts, "close codes "+codes)
	}
	if r.Err != nil {
		parts = append(parts, "FAILED: "+r.Err.Error())
	}
	return strings.Join(parts, ", ")
}

// Close takes the bar away.
func (s *Screen) Close() {
	if s.bar != nil {
		s.bar.Clear()
		s.bar.Exit()
	}
}

// Details writes what stands below the table: notes, timing, the output of servers that failed, and the sum.
func (s *Screen) Details(rep *Report) {
	fmt.Fprintln(s.out)
	for _, r := range rep.Results {
		for _, note := range r.Notes {
			fmt.Fprintf(s.out, "%s: %s\n", r.Name, note)
		}
	}
	if med := afterLast(rep.Results); med != "" {
		fmt.Fprintf(s.out, "From the last complete response to the exit (median ms): %s\n", med)
	}
	shown := ""
	for _, r := range rep.Results {
		if out := Output(r); out != "" && out != shown {
			shown = out
			fmt.Fprintf(s.out, "\nThe server's output in %s (its end):\n%s\n", r.Name, indent(lastLines(out)))
		}
	}
	fmt.Fprintf(s.out, "\n%s\n", rep.Summary())
}

func afterLast(results []*verdict.Result) string {
	var parts []string
	for _, r := range results {
		if len(r.AfterLast) > 0 && r.Tally.Of(verdict.Answered) > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", r.Name, short(verdict.Median(r.AfterLast))))
		}
	}
	return strings.Join(parts, ", ")
}

func short(d time.Duration) string { return fmt.Sprintf("%.3g", ms(d)) }

// Output is what a server that failed had written.
func Output(r *verdict.Result) string {
	var failed *verdict.Failure
	if errors.As(r.Err, &failed) && failed.Output != "" {
		return failed.Output
	}
	return r.Output
}

const shownLines = 25

func lastLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-shownLines):], "\n")
}

func indent(s string) string { return "  | " + strings.ReplaceAll(s, "\n", "\n  | ") }
