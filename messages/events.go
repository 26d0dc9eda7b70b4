package messages

import "time"

// Event is something that happened, as a typed value. Subscribers are told of
// events by a goroutine of their own; a slow one loses events, it never holds
// anything up.
type Event interface{ event() }

type (
	// ServerBound : a listener is open.
	ServerBound struct{ Server, Addr string }
	// ServerUnbound : a listener is closed and its accept queue was empty.
	ServerUnbound struct {
		Server, Addr string
		Took         time.Duration
	}
	// ServerFailed : a server could not bind, or stopped serving by itself.
	ServerFailed struct {
		Server string
		Err    error
	}
	// ServerDrained : the last connection of a server has ended.
	ServerDrained struct{ Report ServerReport }
	// ConnectionOpened : a connection was adopted.
	ConnectionOpened struct{ Server, Peer string }
	// ConnectionClosed : a connection has ended.
	ConnectionClosed struct {
		Connection Connection
		Outcome    Outcome
		Lost       bool
	}
	// ConnectionKilled : a connection was cut, and why.
	ConnectionKilled struct {
		Connection Connection
		Reason     string
	}
	// PhaseChanged : the tree has entered a phase.
	PhaseChanged struct {
		Phase    Phase
		Reason   string
		Deadline time.Time
	}
	// Panicked : an actor panicked; what it owned is ended.
	Panicked struct {
		Who    string
		Reason any
	}
	// DrainFinished : the drain is over.
	DrainFinished struct{ Report Report }
)

func (ServerBound) event()      {}
func (ServerUnbound) event()    {}
func (ServerFailed) event()     {}
func (ServerDrained) event()    {}
func (ConnectionOpened) event() {}
func (ConnectionClosed) event() {}
func (ConnectionKilled) event() {}
func (PhaseChanged) event()     {}
func (Panicked) event()         {}
func (DrainFinished) event()    {}

// Subscriber is told of events, one after another, in the order in which they
// were published, in a goroutine of its own: one that is slow, or blocks, holds
// nobody up.
type Subscriber interface {
	Notify(Event)
}

// ConnectionSubscriber is a Subscriber that asks for the events of single
// connections too. Without one, these events are not even made.
type ConnectionSubscriber interface {
	Subscriber
	// EachConnection is asked once, at the start.
	EachConnection() bool
}
