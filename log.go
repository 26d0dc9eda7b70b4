package drain

import (
	"log/slog"
	"os"
	"time"

	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/messages"
)

// logger is the subscriber that writes events to the configured log.
func (c Config) logger() messages.Subscriber {
	if c.Logger != nil {
		return actors.LogTo(c.Logger)
	}
	if debug := os.Getenv("DRAIN_DEBUG"); debug != "" && debug != "0" {
		return actors.LogTo(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})))
	}
	return actors.LogTo(slog.Default())
}

// lastLine is a subscriber whose last event is waited for: a program that ends right
// after its drain shall have logged how that went.
type lastLine struct {
	messages.Subscriber
	written chan struct{} // closed when that is done
}

// EachConnection implements messages.ConnectionSubscriber.
func (l *lastLine) EachConnection() bool {
	c, ok := l.Subscriber.(messages.ConnectionSubscriber)
	return ok && c.EachConnection()
}

// Notify implements messages.Subscriber.
func (l *lastLine) Notify(e messages.Event) {
	if _, over := e.(messages.DrainFinished); over {
		defer close(l.written)
	}
	l.Subscriber.Notify(e)
}

// The last line is waited for until the deadline, and never for long: a log may block.
const (
	logPatience = 100 * time.Millisecond
	logLate     = 5 * time.Millisecond
)

func (l *lastLine) await(r messages.Report) {
	left := time.Until(r.Started.Add(r.Timeout))
	t := time.NewTimer(max(min(left, logPatience), logLate))
	defer t.Stop()
	select {
	case <-l.written:
	case <-t.C:
	}
}
