package messages

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Bound goes from a server to the root: its listener is open, nothing is
// accepted yet. The root answers with Serve once every server it started
// together is bound.
type Bound struct {
	Server *actor.PID
	Addr   string
}

// Failed goes from a server to the root: it could not bind, or its Serve
// returned without being asked to. Drained follows.
type Failed struct {
	Server *actor.PID
	Err    error
}

// Serve goes from the root to a bound server: accept. No answer.
type Serve struct{}

// Drained is the answer of any child of the root to Shutdown and ForceShutdown:
// nothing of it is left, and it may be stopped. A child of your own kind fills
// in Child (its own PID) and what it has to report.
type Drained struct {
	Child  *actor.PID
	Report ServerReport
	Reason string // why it drained, if it was asked to alone
}

// Shutdown asks for a drain.
//
// You send it to the root: every asker is answered with the same Report, at whatever
// time and however often it is asked, until it stops. Reason is yours to set, and so is a
// Deadline that is earlier than the configured one, or than that of a drain which is going
// on; a later one is ignored. The root sends it to each of its children, with the Deadline
// filled in: they answer with Drained, before the Deadline if they can.
type Shutdown struct {
	Reason   string
	Deadline time.Time
	Reply    chan<- Report
}

// ForceShutdown turns a drain, or a server at work, into an immediate kill. You
// send it to the root and are answered with the Report; the root sends it to
// its children, at the deadline too, with the Deadline filled in: when they must have
// answered, or are stopped. If you force it that is three seconds from now, or less if your
// Deadline, the configured Timeout or that of a drain which is going on leaves less.
type ForceShutdown struct {
	Reason   string
	Deadline time.Time
	Reply    chan<- Report
}

// Unregister asks the root to drain one server and forget it; one that has ended
// already is only forgotten. It is answered with UnregisterDone.
type Unregister struct {
	Name  string
	Reply chan<- UnregisterDone
}

// UnregisterDone answers Unregister. Err is not nil if there was nothing to
// unregister, or if the drain was not clean: see ServerReport.Fault.
type UnregisterDone struct {
	Report ServerReport
	Err    error
}

// Suspend asks the root to stop accepting on one server (or all, if Name is
// empty) without draining what it serves: the listener is closed, its queue
// emptied. It is answered with Done. The root passes it on to its servers.
type Suspend struct {
	Name  string
	Reply chan<- Done
}

// Resume asks the root to bind and accept again on a suspended server (or all).
// It is answered with Done. The root passes it on to its servers.
type Resume struct {
	Name  string
	Reply chan<- Done
}

// Done answers Suspend, Resume and Register. A nil Err means that it is done.
type Done struct {
	Addr string // of a server that has bound
	Err  error
}

// GetStatus asks the root what it and its servers are doing. It is answered with
// Status.
type GetStatus struct {
	Oldest   int           // how many of the oldest busy connections to name; 0 means 10
	Each     int           // name all connections of a server that has no more than so many
	Patience time.Duration // how long to wait for a server that is busy, at most a second; 0 means that
	Reply    chan<- Status
}
