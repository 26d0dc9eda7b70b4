package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

type jsonReport struct {
	Finished   time.Time      `json:"finished"`
	Arguments  []string       `json:"arguments"`
	Command    string         `json:"command,omitempty"`
	PID        int            `json:"pid,omitempty"`
	Stop       string         `json:"stop"`
	Trials     int            `json:"trials"`
	Conns      int            `json:"conns"`
	ThinkMS    float64        `json:"think_ms"`
	RTTMS      float64        `json:"rtt_ms"`
	TimeoutMS  float64        `json:"timeout_ms"`
	Scenarios  []jsonScenario `json:"scenarios"`
	Lost       int            `json:"lost"`
	MaxLost    int            `json:"max_lost"`
	Summary    string         `json:"summary"`
	ExitStatus int            `json:"exit_status"`
}

type jsonScenario struct {
	Name         string         `json:"name"`
	Title        string         `json:"title"`
	Status       verdict.Status `json:"status"` // clean, lost, hung, not run, failed
	Enable       string         `json:"enable,omitempty"`
	Error        string         `json:"error,omitempty"`
	Output       string         `json:"output,omitempty"`
	Trials       int            `json:"trials"`
	Connections  int            `json:"connections"`
	Requests     int            `json:"requests"`
	Answered     int            `json:"answered"`
	Repeat       int            `json:"repeat"`
	Refused      int            `json:"refused"`
	ResetDial    int            `json:"reset_while_dialling"`
	ClosedBefore int            `json:"closed_before_written"`
	Lost         jsonLost       `json:"lost"`
	Ended        int            `json:"ended"`     // connections without a request that the server ended
	LeftOpen     int            `json:"left_open"` // and that it didn't
	Unanswered   *int           `json:"executed_but_unanswered,omitempty"`
	CloseCodes   map[string]int `json:"close_codes,omitempty"`
	ErrorStatus  map[string]int `json:"error_statuses,omitempty"`
	EarlyFailed  int            `json:"failed_before_signal"`
	Hung         int            `json:"hung"`
	ToExit       *jsonTimes     `json:"signal_to_exit_ms,omitempty"`
	AfterLast    *jsonTimes     `json:"last_response_to_exit_ms,omitempty"`
	Notes        []string       `json:"notes,omitempty"`
}

type jsonLost struct {
	Total    int `json:"total"`
	Closed   int `json:"closed"`
	Reset    int `json:"reset"`
	Cut      int `json:"cut"`
	TimedOut int `json:"timed_out"`
}

type jsonTimes struct {
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// JSON writes the report as JSON.
func (r *Report) JSON(w io.Writer) error {
	j := jsonReport{
		Finished: r.Finished, Arguments: r.Args, Command: r.Command, PID: r.PID, Stop: r.Signal, Trials: r.Trials, Conns: r.Conns,
		ThinkMS: ms(r.Think), RTTMS: ms(r.RTT), TimeoutMS: ms(r.Timeout), MaxLost: r.MaxLost, Summary: r.Summary(), ExitStatus: r.ExitCode(),
	}
	for _, res := range r.Results {
		j.Lost += res.Tally.Lost()
		j.Scenarios = append(j.Scenarios, scenarioJSON(res))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(j)
}

func scenarioJSON(res *verdict.Result) jsonScenario {
	t := &res.Tally
	s := jsonScenario{
		Name: res.Name, Title: res.Title, Status: res.Status(), Enable: res.Enable, Output: Output(res), Trials: res.Trials,
		Connections: res.Connections, Requests: t.Written(), Answered: t.Of(verdict.Answered), Repeat: t.Of(verdict.Repeat),
		Refused: t.Of(verdict.Refused), ResetDial: t.Of(verdict.ResetDialling), ClosedBefore: t.Of(verdict.ClosedBefore),
		Lost: jsonLost{
			Total: t.Lost(), Closed: t.Of(verdict.LostClosed), Reset: t.Of(verdict.LostReset), Cut: t.Of(verdict.LostCut),
			TimedOut: t.Of(verdict.LostTimedOut),
		},
		Ended: t.Of(verdict.Ended), LeftOpen: t.Of(verdict.LeftOpen), EarlyFailed: t.Early,
		Hung: res.HungTrials, ToExit: timesJSON(res.ToExit), AfterLast: timesJSON(res.AfterLast), Notes: res.Notes,
	}
	if res.Err != nil {
		s.Error = res.Err.Error()
	}
	if res.Counted {
		s.Unanswered = &res.Unanswered
	}
	s.CloseCodes, s.ErrorStatus = keyed(t.CloseCodes), keyed(t.ErrorStatus)
	return s
}

func timesJSON(ds []time.Duration) *jsonTimes {
	if len(ds) == 0 {
		return nil
	}
	round := func(d time.Duration) float64 { return math.Round(ms(d)*100) / 100 }
	return &jsonTimes{Median: round(verdict.Median(ds)), Max: round(slices.Max(ds))}
}

func keyed(m map[int]int) map[string]int {
	out := make(map[string]int)
	for key, n := range m {
		out[fmt.Sprint(key)] = n
	}
	return out
}
