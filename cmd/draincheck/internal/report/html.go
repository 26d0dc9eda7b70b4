package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

type page struct {
	*Report
	Lost, Hung  int
	Definitions string
	Clean       bool
	Headline    string
	Rows        []pageRow
}

type pageRow struct {
	Name, Title, Class, Verdict, Story string
	Requests, Lost                     int
	Closed, Reset, Cut, TimedOut       int
	Answered, Repeat                   int
	Refused, Before                    int
	Exit                               string
	AfterLast                          string
	Notes                              []string
	Output                             string
	Ran                                bool
	Trials                             int
	Picture                            *picture
}

// HTML writes the report as one self-contained page.
func (r *Report) HTML(w io.Writer) error {
	p := page{Report: r, Definitions: verdict.Definitions, Lost: r.lost()}
	for _, res := range r.Results {
		p.Hung += res.HungTrials
		p.Rows = append(p.Rows, rowOf(res))
	}
	p.Clean = r.ExitCode() == verdict.ExitClean && p.Lost == 0
	switch {
	case p.Lost > 0:
		p.Headline = count(p.Lost, "request") + " lost"
	case p.Hung > 0:
		p.Headline = "The server did not stop"
	case p.Clean:
		p.Headline = "Nothing lost"
	default:
		p.Headline = "Could not be tested"
	}
	return pageTemplate.Execute(w, p)
}

func rowOf(res *verdict.Result) pageRow {
	t := &res.Tally
	row := pageRow{
		Name: res.Name, Title: res.Title, Verdict: Verdict(res), Class: strings.ReplaceAll(string(res.Status()), " ", ""),
		Requests: t.Written(), Lost: t.Lost(), Answered: t.Of(verdict.Answered), Repeat: t.Of(verdict.Repeat),
		Closed: t.Of(verdict.LostClosed), Reset: t.Of(verdict.LostReset), Cut: t.Of(verdict.LostCut), TimedOut: t.Of(verdict.LostTimedOut),
		Refused: t.Of(verdict.Refused) + t.Of(verdict.ResetDialling), Before: t.Of(verdict.ClosedBefore),
		Notes: res.Notes, Output: Output(res), Ran: res.Trials > 0, Trials: res.Trials, Exit: "–", AfterLast: "–",
	}
	if len(res.ToExit) > 0 {
		row.Exit = fmt.Sprintf("%s (at most %s)", human(verdict.Median(res.ToExit)), human(slices.Max(res.ToExit)))
		row.AfterLast = human(verdict.Median(res.AfterLast))
	}
	if row.Ran {
		row.Story = story(res)
		row.Picture = draw(res.Picture)
	}
	return row
}

// story says in a sentence or two what happened.
func story(res *verdict.Result) string {
	t := &res.Tally
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	s := fmt.Sprintf("%s, %s, %s. ", count(res.Trials, "stop"), count(res.Connections, "connection"), count(t.Written(), "request"))
	if t.Lost() == 0 {
		s += "Nothing was lost"
		add(t.Of(verdict.Repeat), "were told to repeat")
		add(t.Of(verdict.ClosedBefore), "connections were seen closed before a request was written")
		add(t.Of(verdict.Refused)+t.Of(verdict.ResetDialling), "connections were refused")
		add(t.Of(verdict.Ended), "connections without a request were ended")
	} else {
		s += fmt.Sprintf("%d were lost", t.Lost())
		add(t.Of(verdict.LostClosed), "had their connection closed without a word")
		add(t.Of(verdict.LostReset), "had it reset")
		add(t.Of(verdict.LostCut), "were cut in the middle")
		add(t.Of(verdict.LostTimedOut), "waited for an answer until the time was up")
	}
	if len(parts) > 0 {
		s += ": " + strings.Join(parts, ", ")
	}
	if codes := verdict.Counts(t.CloseCodes); codes != "" {
		s += ". WebSocket close codes seen: " + codes + " (1006 stands for no close frame at all)"
	}
	return s + "."
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
