package messages

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Busy goes from a serving goroutine to its connection actor: the first byte of
// a unit of work (an HTTP request, a message) has been read. No answer.
type Busy struct{}

// Idle goes from a serving goroutine to its connection actor: the last byte of
// the answer is written and the reader waits for the next unit. No answer.
type Idle struct{}

// Close goes from a server to each of its connections: leave as soon as nothing
// is lost by it. It is answered, some time later, by Closed.
type Close struct{}

// Cancel goes from a server to its connections a little before the deadline: the
// contexts of their handlers are cancelled, so that these can still say something.
// What they were doing counts as lost: see ServerReport.Lost.
type Cancel struct{}

// Kill goes from a server to its connections at the deadline, or when the drain
// is forced: end now, whatever is in progress. It is answered by Closed.
type Kill struct{}

// Ended goes from a serving goroutine to its connection actor, as the last
// message: the socket is closed. The actor passes it on as Closed.
type Ended struct {
	Outcome Outcome
	Lost    int // requests that had been read and begun, and were not answered in full
}

// Closed is a connection's goodbye to its server, which then stops it.
type Closed struct {
	Connection *actor.PID
	Record     Record // the one that it was adopted with
	Outcome    Outcome
	Lost       int
}

// Adopt goes from an acceptor to its server: this connection is yours. It stands
// in mailbox order with Shutdown: one that comes later is told to close at once.
type Adopt struct {
	Connection *actor.PID
	Record     Record
}

// IgnoreDeadLetterLogging keeps the framework quiet about a message to a
// connection that has just ended.
func (Busy) IgnoreDeadLetterLogging()   {}
func (Idle) IgnoreDeadLetterLogging()   {}
func (Close) IgnoreDeadLetterLogging()  {}
func (Cancel) IgnoreDeadLetterLogging() {}
func (Kill) IgnoreDeadLetterLogging()   {}
func (Ended) IgnoreDeadLetterLogging()  {}

// IgnoreDeadLetterLogging keeps it quiet about a server that has been stopped.
func (Closed) IgnoreDeadLetterLogging() {}
func (Adopt) IgnoreDeadLetterLogging()  {}

// Record is the connection as its serving goroutine keeps it. Its methods may be
// called from anywhere and never block.
type Record interface {
	// Snapshot describes the connection now.
	Snapshot() Connection
	// Kill ends the connection now, without its actor: the last resort of a
	// server whose connection actor has crashed.
	Kill()
}

// Outcome says how a connection ended.
type Outcome uint8

// The outcomes of a connection.
const (
	OutcomeDrained    Outcome = iota // ended in order, by either side; or it had everything, and only its FIN was missing at the deadline
	OutcomeUnanswered                // it was sent a close frame and did not answer; or has not acknowledged all that it was sent (Linux)
	OutcomeKilled                    // cut at the deadline or by force
	OutcomeCrashed                   // its handler or its actor panicked
	OutcomeRefused                   // not served at all
)

var outcomeNames = [...]string{"drained", "unanswered", "killed", "crashed", "refused"}

func (o Outcome) String() string { return outcomeNames[o] }

// MarshalText makes an Outcome its name in JSON.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// State says what a connection is doing.
type State uint8

// The states of a connection.
const (
	StateNew     State = iota // no byte of a request yet
	StateIdle                 // between two requests
	StateReading              // a request has begun to arrive
	StateBusy                 // a request is being answered
	StateLeaving              // it has said goodbye and waits for its peer
	StateClosed
)

var stateNames = [...]string{"new", "idle", "reading", "busy", "leaving", "closed"}

func (s State) String() string { return stateNames[s] }

// MarshalText makes a State its name in JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Connection describes one connection at one moment.
type Connection struct {
	ID       int64         `json:"id"` // its number in the order of arrival, unique in its server
	Server   string        `json:"server"`
	Peer     string        `json:"peer"`
	Protocol string        `json:"protocol"`          // "HTTP/1.1" (1.0 too), "HTTP/2.0", "WebSocket", …
	Request  string        `json:"request,omitempty"` // method and path of the request in progress, without its query; 1 KiB of each
	State    State         `json:"state"`
	Age      time.Duration `json:"age"`   // since it was accepted
	Since    time.Duration `json:"since"` // in this state
	Requests int64         `json:"requests"`
	Read     int64         `json:"bytes_read"`
	Written  int64         `json:"bytes_written"`
}
