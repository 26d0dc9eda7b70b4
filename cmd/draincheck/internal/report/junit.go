package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"timestamp,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Failure *junitText `xml:"failure,omitempty"`
	Error   *junitText `xml:"error,omitempty"`
	Skipped *junitText `xml:"skipped,omitempty"`
	Output  string     `xml:"system-out,omitempty"`
}

type junitText struct {
	Message string `xml:"message,attr"`
}

// JUnit writes the report as JUnit XML: a scenario is a test case. Losses are failures, unless -max-lost allows them; what
// could not be carried out is an error, what was not run is skipped.
func (r *Report) JUnit(w io.Writer) error {
	suite := junitSuite{Name: "draincheck", Tests: len(r.Results), Time: r.Finished.UTC().Format(time.RFC3339)}
	allowed := r.lost() <= r.MaxLost
	for _, res := range r.Results {
		c := junitCase{Class: "draincheck", Name: res.Name, Output: details(res)}
		text := &junitText{Message: Verdict(res)}
		switch status := res.Status(); {
		case status == verdict.NotRun:
			c.Skipped = text
			suite.Skipped++
		case status == verdict.Hung, status == verdict.Lossy && !allowed:
			c.Failure = text
			suite.Failures++
		case res.Err != nil, status == verdict.Failed:
			c.Error = text
			suite.Errors++
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r *Report) lost() int {
	n := 0
	for _, res := range r.Results {
		n += res.Tally.Lost()
	}
	return n
}

func details(res *verdict.Result) string {
	lines := []string{res.Title}
	if res.Trials > 0 {
		lines = append(lines, fmt.Sprintf("%d stops, %d connections, %d requests, %d answered, %d told to repeat, %d lost",
			res.Trials, res.Connections, res.Tally.Written(), res.Tally.Of(verdict.Answered), res.Tally.Of(verdict.Repeat), res.Tally.Lost()))
	}
	lines = append(lines, res.Notes...)
	if out := Output(res); out != "" {
		lines = append(lines, "", "The server's output (its end):", out)
	}
	return strings.Join(lines, "\n")
}
