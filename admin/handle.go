package admin

import (
	"context"

	"github.com/godrain/drain/messages"
)

// Handle is what the panel needs of a running tree; *drain.Handle is one.
type Handle interface {
	// Vitals are read at any rate: no actor is asked.
	Vitals() messages.Vitals
	// Inspect asks every server what it is doing.
	Inspect(ctx context.Context, what messages.GetStatus) (messages.Status, error)

	Shutdown(ctx context.Context) (messages.Report, error)
	ForceShutdown(ctx context.Context) (messages.Report, error)
	Suspend(ctx context.Context, name string) error
	Resume(ctx context.Context, name string) error

	// Done is closed when the tree has been drained; Wait then has the Report.
	Done() <-chan struct{}
	Wait() (messages.Report, error)
}
