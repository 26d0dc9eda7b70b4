package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

var signalled = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func after(ms int) time.Time { return signalled.Add(time.Duration(ms) * time.Millisecond) }

// trial has a client that lost its second request, and one that was told to repeat.
func trial() verdict.Trial {
	t := verdict.Trial{Signalled: signalled, Exited: after(20), LastResponse: after(8), Connections: 2}
	var lossy, lucky verdict.Line
	lossy.Opened(verdict.Span{From: after(-100), To: after(6)}, true)
	lossy.Worked(verdict.Span{From: after(-3), To: after(-2)}, false)
	lossy.Worked(verdict.Span{From: after(1), To: after(5)}, true)
	lossy.Mark(verdict.LostReset, after(5))
	lucky.Opened(verdict.Span{From: after(-100), To: after(8)}, true)
	lucky.Worked(verdict.Span{From: after(2), To: after(8)}, true)
	lucky.Mark(verdict.Repeat, after(8))
	t.Lines = []verdict.Line{lucky, lossy}
	for _, o := range []verdict.Outcome{verdict.Answered, verdict.LostReset, verdict.Repeat} {
		t.Add(o)
	}
	return t
}

func sample() *Report {
	lossy := &verdict.Result{Name: "keepalive", Title: "kept connections"}
	lossy.Add(trial())
	clean := &verdict.Result{Name: "idle", Title: "quiet connections"}
	clean.Add(verdict.Trial{Signalled: signalled, Exited: after(3000), Lines: make([]verdict.Line, 100)})
	hung := &verdict.Result{Name: "sse", Title: "events", Output: "<b>waiting</b>"}
	hung.Add(verdict.Trial{Signalled: signalled, Exited: after(5000), Hung: true, Notes: []string{"still running"}})
	ws := &verdict.Result{Name: "wsidle", Title: "WebSockets"}
	one := verdict.Trial{Signalled: signalled, Exited: after(10)}
	one.AddCloseCode(1001)
	one.AddCloseCode(1001)
	ws.Add(one)
	return &Report{
		Command: "./server -a", Signal: "SIGTERM", Trials: 1, Conns: 2, Finished: signalled,
		Results: []*verdict.Result{
			lossy, clean, hung, ws,
			{Name: "h2", Title: "HTTP/2", Enable: "-h2-url"},
			{Name: "rtt", Title: "longer", Err: &verdict.Failure{Reason: "it crashed", Output: "panic: oops"}},
		},
	}
}

func TestTheTable(t *testing.T) {
	var b bytes.Buffer
	nobody, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer nobody.Close()
	s := NewScreen(&b, nobody, 3)
	rep := sample()
	s.Header()
	for _, r := range rep.Results {
		s.Progress(r)
		s.Row(r)
	}
	s.Close()
	s.Details(rep)
	text := b.String()
	for _, want := range []string{
		`keepalive +3 +1 +0/1/0/0 +1 +0 +0 +20/20 +LOST 1\n`,
		`idle +0 +0 .* 3000/3000 +clean\n`,
		`sse .* - +HUNG 1 of 1\n`,
		`wsidle .* clean, close codes 1001×2\n`,
		`h2 .* not run: give -h2-url\n`,
		`rtt .* FAILED: it crashed\n`,
		`sse: still running\n`,
		`output in rtt .*\n  \| panic: oops\n`,
		`\n1 lost of 3 requests in 4 stops, 1 hung, 1 scenarios could not run, 1 not run\n$`,
	} {
		assert.Regexp(t, want, text)
	}
}

func TestOnlyTheLastLinesOfAnOutputAreShown(t *testing.T) {
	long := strings.Repeat("line\n", 100) + "the end\n"
	shown := lastLines(long)
	assert.Len(t, strings.Split(shown, "\n"), shownLines)
	assert.True(t, strings.HasSuffix(shown, "the end"))
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, sample().JSON(&b))
	var got jsonReport
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	assert.Equal(t, 1, got.Lost)
	assert.Equal(t, verdict.ExitLost, got.ExitStatus)
	require.Len(t, got.Scenarios, 6)
	keepalive := got.Scenarios[0]
	assert.Equal(t, verdict.Lossy, keepalive.Status)
	assert.Equal(t, jsonLost{Total: 1, Reset: 1}, keepalive.Lost)
	assert.Equal(t, 1, keepalive.Repeat)
	assert.Equal(t, &jsonTimes{Median: 20, Max: 20}, keepalive.ToExit)
	assert.Equal(t, &jsonTimes{Median: 12, Max: 12}, keepalive.AfterLast)
	assert.Nil(t, keepalive.Unanswered, "no count, no claim")
	assert.Equal(t, 1, got.Scenarios[2].Hung)
	assert.Nil(t, got.Scenarios[2].ToExit)
	assert.Equal(t, map[string]int{"1001": 2}, got.Scenarios[3].CloseCodes)
	assert.Equal(t, "-h2-url", got.Scenarios[4].Enable)
	assert.Equal(t, "it crashed", got.Scenarios[5].Error)
	assert.Equal(t, "panic: oops", got.Scenarios[5].Output)
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	rep := sample()
	require.NoError(t, rep.JUnit(&b))
	var got junitSuite
	require.NoError(t, xml.Unmarshal(b.Bytes(), &got))
	assert.Equal(t, []int{6, 2, 1, 1}, []int{got.Tests, got.Failures, got.Errors, got.Skipped})
	assert.Equal(t, "LOST 1", got.Cases[0].Failure.Message)
	assert.Nil(t, got.Cases[1].Failure)
	assert.NotNil(t, got.Cases[4].Skipped)
	assert.NotNil(t, got.Cases[5].Error)

	rep.MaxLost = 1
	b.Reset()
	require.NoError(t, rep.JUnit(&b))
	got = junitSuite{}
	require.NoError(t, xml.Unmarshal(b.Bytes(), &got))
	assert.Equal(t, 1, got.Failures, "only the hung one")
}

func TestThePage(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, sample().HTML(&b))
	text := b.String()
	for _, want := range []string{
		"<h1 class=\"bad\">1 request lost</h1>", "1 were lost: 1 had it reset.", "WebSocket close codes seen: 1001×2",
		"not run: give -h2-url", "64 of 100 clients are shown", "&lt;b&gt;waiting&lt;/b&gt;", "exit after 20 ms",
		"still running after 5 s", "panic: oops", "What is counted",
	} {
		assert.Contains(t, text, want)
	}
	for _, outside := range []string{"http://", "https://", "<script", "<link", "@import"} {
		assert.NotContains(t, text, outside, "the page stands alone")
	}

	clean := sample()
	clean.Results = clean.Results[1:2]
	b.Reset()
	require.NoError(t, clean.HTML(&b))
	assert.Contains(t, b.String(), "<h1 class=\"good\">Nothing lost</h1>")
}

func TestThePicture(t *testing.T) {
	one := trial()
	p := draw(&one)
	assert.Equal(t, 2, p.Lines)
	assert.Less(t, p.SignalX, p.ExitX)
	require.Len(t, p.Dots, 2)
	assert.Equal(t, "lost", p.Dots[0].Class, "what lost stands on top")
	assert.Less(t, p.Dots[0].Y, p.Dots[1].Y)
	assert.Equal(t, 1, strings.Count(p.Lost, "M"), "only the request that was lost is red")
	assert.Equal(t, 3, strings.Count(p.Busy, "M"))
	assert.Equal(t, 2, strings.Count(p.Open, "M"))
	assert.Contains(t, p.Ticks, tick{X: p.SignalX, Label: "0"})
	assert.LessOrEqual(t, len(p.Ticks), 14)
}

func TestStretchesTooCloseToBeSeenApartAreDrawnAsOne(t *testing.T) {
	s := scale{from: signalled, span: time.Second}
	var near, far strings.Builder
	stroke(&near, s, 1, []verdict.Span{{From: after(100), To: after(101)}, {From: after(101), To: after(102)}})
	stroke(&far, s, 1, []verdict.Span{{From: after(100), To: after(101)}, {From: after(200), To: after(201)}, {From: after(-9), To: after(-5)}})
	assert.Equal(t, 1, strings.Count(near.String(), "M"))
	assert.Equal(t, 2, strings.Count(far.String(), "M"))
}

func TestDurationsForHumans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", 1234 * time.Microsecond: "1.23 ms", 1081 * time.Millisecond: "1081 ms", 5774 * time.Millisecond: "5.77 s", -50 * time.Millisecond: "-50 ms",
	} {
		assert.Equal(t, want, human(d))
	}
	assert.Equal(t, "1,234,567 requests", count(1234567, "request"))
	assert.Equal(t, "1 stop", count(1, "stop"))
}

func TestAnErrorWithoutOutput(t *testing.T) {
	assert.Empty(t, Output(&verdict.Result{Err: errors.New("x")}))
}
