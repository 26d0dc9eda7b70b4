package messages

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Phase is where the tree, or one server, stands in its life.
//
//	Starting → Serving → Announced → Draining → Killing → Done
type Phase uint8

// The phases. Announced: readiness is 503, everything else goes on for
// ReadyDelay. Draining: sessions are closed, then listeners, then connections leave.
// Killing: the deadline has come, what is left is cut.
const (
	PhaseStarting Phase = iota
	PhaseServing
	PhaseAnnounced
	PhaseDraining
	PhaseKilling
	PhaseDone
)

var phaseNames = [...]string{"starting", "serving", "announced", "draining", "killing", "done"}

func (p Phase) String() string { return phaseNames[p] }

// MarshalText makes a Phase its name in JSON.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Status is what the tree is doing at one moment.
type Status struct {
	Phase    Phase          `json:"phase"`
	Reason   string         `json:"reason,omitempty"`  // why it is being drained
	Started  time.Time      `json:"started"`           // when the root started
	Deadline time.Time      `json:"deadline,omitzero"` // of the drain in progress
	Left     time.Duration  `json:"left,omitempty"`    // until the deadline
	Servers  []ServerStatus `json:"servers"`
	Report   *Report        `json:"report,omitempty"` // of the drain that is over
}

// Connections sums the open connections of all servers.
func (s Status) Connections() (open, busy int64) {
	for _, server := range s.Servers {
		open += server.Counts.Open
		busy += server.Counts.Busy
	}
	return open, busy
}

// ServerStatus is what one server is doing at one moment.
type ServerStatus struct {
	Server    *actor.PID   `json:"-"`
	Name      string       `json:"name"`
	Addr      string       `json:"addr,omitempty"`
	Phase     Phase        `json:"phase"`
	Suspended bool         `json:"suspended,omitempty"`
	Error     string       `json:"error,omitempty"` // why it has failed, if it has
	Counts    Counts       `json:"counts"`
	States    States       `json:"states"`
	Oldest    []Connection `json:"oldest"` // busy ones, oldest first
	// Connections are all of them, in the order of arrival, if GetStatus.Each
	// allows so many.
	Connections []Connection `json:"connections,omitempty"`
}

// Counts are a server's counters. They are read without asking any actor.
type Counts struct {
	Open       int64 `json:"open"`       // connections, now
	Busy       int64 `json:"busy"`       // of these, connections with a unit of work in progress
	InFlight   int64 `json:"in_flight"`  // handlers running, now
	Accepted   int64 `json:"accepted"`   // since the start
	Requests   int64 `json:"requests"`   // begun since the start
	Drained    int64 `json:"drained"`    // ended in order since the start
	Unanswered int64 `json:"unanswered"` // see OutcomeUnanswered
	Killed     int64 `json:"killed"`
	Crashed    int64 `json:"crashed"`
	Refused    int64 `json:"refused"`
	Late       int64 `json:"late"` // of the refused: they came after the server had gone
	Lost       int64 `json:"lost"`
}

// States counts the connections of a server by state.
type States struct {
	New     int64 `json:"new"`
	Idle    int64 `json:"idle"`
	Reading int64 `json:"reading"`
	Busy    int64 `json:"busy"`
	Leaving int64 `json:"leaving"`
}
