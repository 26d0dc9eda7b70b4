package actors

import (
	"context"
	"log/slog"

	"github.com/godrain/drain/messages"
)

// LogTo makes a subscriber that writes events to a log: a handful of lines a
// drain at INFO, what went wrong at WARN and ERROR, and, if the logger wants
// DEBUG, each connection. A start that fails is not logged: it is an error that
// somebody gets. Each tree needs a subscriber of its own.
func LogTo(l *slog.Logger) messages.ConnectionSubscriber { return &logger{Logger: l} }

type logger struct {
	*slog.Logger
	served bool
	held   []messages.Event // until it serves
}

func (l *logger) EachConnection() bool { return l.Enabled(context.Background(), slog.LevelDebug) }

func (l *logger) Notify(e messages.Event) {
	if l.served {
		l.write(e)
		return
	}
	l.held = append(l.held, e)
	switch e := e.(type) {
	case messages.PhaseChanged:
		l.served = e.Phase == messages.PhaseServing
	case messages.DrainFinished:
		l.served = e.Report.Failure == nil
	}
	if l.served {
		for _, e := range l.held {
			l.write(e)
		}
		l.held = nil
	}
}

func (l *logger) write(e messages.Event) {
	switch e := e.(type) {
	case messages.ServerBound:
		l.Info("drain: listening", "server", e.Server, "addr", e.Addr)
	case messages.ServerUnbound:
		l.Info("drain: stopped listening", "server", e.Server, "addr", e.Addr, "took", e.Took)
	case messages.ServerFailed:
		l.Error("drain: server failed", "server", e.Server, "error", e.Err)
	case messages.ServerDrained:
		l.Info("drain: server drained", "server", e.Report.Name, "drained", e.Report.Drained,
			"killed", e.Report.Killed, "lost", e.Report.Lost, "took", e.Report.Took)
	case messages.PhaseChanged:
		l.phase(e)
	case messages.Panicked:
		l.Error("drain: panic contained", "who", e.Who, "reason", e.Reason)
	case messages.DrainFinished:
		l.finished(e.Report)
	case messages.ConnectionKilled:
		c := e.Connection
		l.Debug("drain: connection killed", "server", c.Server, "peer", c.Peer, "protocol", c.Protocol,
			"request", c.Request, "state", c.State, "for", c.Since, "why", e.Reason)
	case messages.ConnectionOpened:
		l.Debug("drain: connection opened", "server", e.Server, "peer", e.Peer)
	case messages.ConnectionClosed:
		c := e.Connection
		l.Debug("drain: connection closed", "server", c.Server, "peer", c.Peer, "outcome", e.Outcome,
			"lost", e.Lost, "age", c.Age, "requests", c.Requests, "read", c.Read, "written", c.Written)
	}
}

func (l *logger) phase(e messages.PhaseChanged) {
	switch e.Phase {
	case messages.PhaseAnnounced, messages.PhaseDraining, messages.PhaseKilling:
		l.Info("drain: "+e.Phase.String(), "reason", e.Reason, "deadline", e.Deadline)
	default:
		l.Debug("drain: " + e.Phase.String())
	}
}

func (l *logger) finished(r messages.Report) {
	if err := r.Err(); err != nil {
		l.Warn("drain: finished, not clean", "took", r.Took, "error", err)
		return
	}
	sum := r.Sum()
	l.Info("drain: finished", "took", r.Took, "drained", sum.Drained, "unanswered", sum.Unanswered)
}
