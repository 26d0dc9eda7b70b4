package drain

import (
	"log/slog"
	"os"

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
