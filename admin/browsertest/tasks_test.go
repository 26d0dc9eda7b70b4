package browsertest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/tracing"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// tasks are the tasks of the page's main thread while something went on: the
// longest by the clock and by the processor's time it took. On a machine that
// does other work too the clock counts the time in which the thread did not run.
type tasks struct {
	number    int
	byClock   time.Duration
	byProcess time.Duration
}

// traced watches the main thread while f runs.
func (tb *tab) traced(t *testing.T, f func()) (longest tasks) {
	t.Helper()
	var events []traceEvent
	over := make(chan struct{})
	listening, stop := context.WithCancel(tb)
	defer stop()
	require.NoError(t, chromedp.Listen(listening, func(event any) {
		switch e := event.(type) {
		case *tracing.EventDataCollected:
			for _, value := range e.Value {
				var te traceEvent
				if json.Unmarshal(value, &te) == nil {
					events = append(events, te)
				}
			}
		case *tracing.EventTracingComplete:
			close(over)
		}
	}))
	call(tb, tracing.Start, tracing.StartParams{TraceConfig: &tracing.TraceConfig{
		IncludedCategories: []string{"toplevel", "disabled-by-default-devtools.timeline", "devtools.timeline", "__metadata"},
		ExcludedCategories: []string{"*"},
	}})
	f()
	call(tb, tracing.End, cdp.Empty{})
	<-over

	main := make(map[[2]int]bool)
	for _, e := range events {
		if e.Name == "thread_name" && e.Args.Name == "CrRendererMain" {
			main[[2]int{e.Process, e.Thread}] = true
		}
	}
	require.NotEmpty(t, main, "a main thread")
	for _, e := range events {
		if main[[2]int{e.Process, e.Thread}] && e.Phase == "X" {
			longest.number++
			longest.byClock = max(longest.byClock, time.Duration(e.Took)*time.Microsecond)
			longest.byProcess = max(longest.byProcess, time.Duration(e.ThreadTook)*time.Microsecond)
		}
	}
	require.Positive(t, longest.byProcess)
	return longest
}

// traceEvent is what a trace says of one task; times are microseconds.
type traceEvent struct {
	Name       string `json:"name"`
	Phase      string `json:"ph"`
	Process    int    `json:"pid"`
	Thread     int    `json:"tid"`
	Took       int64  `json:"dur"`
	ThreadTook int64  `json:"tdur"`
	Args       struct {
		Name string `json:"name"`
	} `json:"args"`
}
