package messages

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Report says what happened in a drain. Everyone who asked for the drain gets
// the same one.
type Report struct {
	Reason  string         `json:"reason"`
	Forced  bool           `json:"forced,omitempty"`
	Started time.Time      `json:"started"`
	Took    time.Duration  `json:"took"`
	Timeout time.Duration  `json:"timeout"`
	Phases  []PhaseTook    `json:"phases"`
	Servers []ServerReport `json:"servers"`
	Failure error          `json:"-"` // why the tree could not start; nil if it did
	Error   string         `json:"error,omitempty"`
}

// PhaseTook is how long one phase of the drain took.
type PhaseTook struct {
	Phase Phase         `json:"phase"`
	Took  time.Duration `json:"took"`
}

// ServerReport is one child's share of a Report. The counts are of connections
// that ended during the drain.
//
// But Lost counts requests: a connection that multiplexes, HTTP/2's or gRPC's, may lose
// several, and ends once. It counts those too whose handler had looked at its context,
// which is cancelled a little before the deadline, and returned after that: what it
// had not done by then it has not done, though its connection ended in order. A
// handler that had not looked, and has answered before the kill, has lost nothing.
type ServerReport struct {
	Name       string `json:"name"`
	Addr       string `json:"addr,omitempty"`
	Drained    int    `json:"drained"`    // ended in order
	Unanswered int    `json:"unanswered"` // no answer to the close frame, or something not acknowledged: no error
	Killed     int    `json:"killed"`     // cut at the deadline or by force
	Crashed    int    `json:"crashed"`    // a handler or an actor panicked
	Refused    int    `json:"refused"`    // not served at all
	Lost       int    `json:"lost"`       // requests read and begun, and not answered in full
	Running    int    `json:"running"`    // handlers that had not returned when the Report was made

	// Stragglers are the connections that were killed or crashed, or whose
	// request was lost, as they were at that moment.
	Stragglers []Straggler   `json:"stragglers,omitempty"`
	Took       time.Duration `json:"took"`
	Err        error         `json:"-"` // it failed to bind, serve, or stop
	Error      string        `json:"error,omitempty"`
}

// Straggler is a connection that did not end in order.
type Straggler struct {
	Connection
	Outcome Outcome `json:"outcome"`
	Lost    bool    `json:"lost"`
}

// Sum adds up the counts of all servers.
func (r Report) Sum() ServerReport {
	var sum ServerReport
	for _, s := range r.Servers {
		sum.Drained += s.Drained
		sum.Unanswered += s.Unanswered
		sum.Killed += s.Killed
		sum.Crashed += s.Crashed
		sum.Refused += s.Refused
		sum.Lost += s.Lost
		sum.Running += s.Running
	}
	return sum
}

// ErrCut is wrapped by the error of a Report in which something was killed, crashed or
// lost, or a handler was left running; not by that of a server that failed and cut
// nothing, nor by that of a start.
var ErrCut = errors.New("the drain cut something")

// Err is nil only if nothing was killed, crashed or lost, no handler was left
// running and no server failed.
func (r Report) Err() error {
	var errs []error
	if err := r.Sum().cut(); err != nil {
		errs = append(errs, fmt.Errorf("drain: %w", err))
	}
	if r.Failure != nil {
		return errors.Join(append(errs, r.Failure)...)
	}
	for _, s := range r.Servers {
		if s.Err != nil {
			errs = append(errs, fmt.Errorf("drain: server %q: %w", s.Name, s.Err))
		}
	}
	return errors.Join(errs...)
}

// cut is an ErrCut if something was.
func (s ServerReport) cut() error {
	if s.Killed+s.Crashed+s.Lost+s.Running == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d killed, %d crashed, %d requests lost, %d handlers still running "+
		"(the Report names them; raise Timeout, or let handlers watch drain.Draining)",
		ErrCut, s.Killed, s.Crashed, s.Lost, s.Running)
}

// Fault is Report.Err of this server alone: nil only if nothing was killed, crashed or
// lost, no handler was left running and it has not failed.
func (s ServerReport) Fault() error {
	err := errors.Join(s.cut(), s.Err)
	if err == nil {
		return nil
	}
	return fmt.Errorf("drain: server %q: %w", s.Name, err)
}

// String is the Report as a person reads it.
func (r Report) String() string {
	var b strings.Builder
	verdict := "clean"
	if r.Err() != nil {
		verdict = "NOT clean"
	}
	if r.Forced {
		verdict += ", forced"
	}
	fmt.Fprintf(&b, "drain %s in %s of %s (%s)\n", verdict, round(r.Took), round(r.Timeout), r.Reason)
	if r.Failure != nil {
		fmt.Fprintf(&b, "  failed: %v\n", r.Failure)
	}
	for _, p := range r.Phases {
		fmt.Fprintf(&b, "  %-10s %s\n", p.Phase, round(p.Took))
	}
	for _, s := range r.Servers {
		s.write(&b)
	}
	return strings.TrimRight(b.String(), "\n")
}

// namedStragglers bounds how many connections String names of each server; the
// Report itself holds all of them.
const namedStragglers = 20

func (s ServerReport) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %s: %d drained", strings.TrimSpace(s.Name+" "+s.Addr), s.Drained)
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Unanswered, "unanswered"},
		{s.Killed, "killed"},
		{s.Crashed, "crashed"},
		{s.Refused, "refused"},
		{s.Lost, "requests lost"},
		{s.Running, "handlers still running"},
	} {
		if c.n > 0 {
			fmt.Fprintf(b, ", %d %s", c.n, c.what)
		}
	}
	fmt.Fprintf(b, " in %s\n", round(s.Took))
	if s.Err != nil {
		fmt.Fprintf(b, "    failed: %v\n", s.Err)
	}
	for i, c := range s.Stragglers {
		if i == namedStragglers {
			fmt.Fprintf(b, "    and %d more\n", len(s.Stragglers)-i)
			break
		}
		lost := ""
		if c.Lost {
			lost = ", request lost"
		}
		fmt.Fprintf(b, "    %s %s %s %s: %s for %s%s\n", c.Outcome, c.Peer, c.Protocol, inOneLine(c.Request), c.State, round(c.Since), lost)
	}
}

// inOneLine is a client's text for people: it forges no line, moves no cursor, and is no
// longer than a line. The Report itself holds it as it came.
func inOneLine(s string) string {
	cut := ""
	if len(s) > longestNamed {
		end := longestNamed
		for end > longestNamed-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s, cut = s[:end], "…"
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		s = strconv.Quote(s)
		s = s[1 : len(s)-1]
	}
	return s + cut
}

// longestNamed is how many bytes of a request String shows.
const longestNamed = 200

func round(d time.Duration) time.Duration {
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	case d > time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d
}
