package actors

import (
	"context"

	"github.com/godrain/drain/conns"
)

// Server is what a server actor owns: the one thing of it that knows a protocol.
// Its methods are called from goroutines of their own and may block, but for Name,
// Configure and CanSuspend, which the actor calls itself.
type Server interface {
	// Name is how the server is called in the Report, the metrics and the log. It
	// returns at once.
	Name() string
	// Serve accepts until Unbind, and has every connection adopted by t before it
	// is served. It returns nil after Unbind; any other return is a failure.
	Serve(t conns.Tracker) error
	// Unbind stops accepting, after everything that the kernel has accepted has
	// been adopted. It returns when that is done, at the latest when ctx ends.
	Unbind(ctx context.Context) error
}

// What a Server may have beside that.
type (
	// Binder is a Server that opens its listener before anything is served, so
	// that an address in use leaves nothing half started. It is called again when
	// a suspended server is resumed, unless that is a Rebinder.
	Binder interface {
		Bind(ctx context.Context) (addr string, err error)
	}
	// Rebinder is a Binder that wants to know which it is: Bind begins a tree's
	// service, Rebind opens the listener again after it was suspended.
	Rebinder interface {
		Rebind(ctx context.Context) (addr string, err error)
	}
	// Configurer is a Server with settings of its own. It returns at once.
	Configurer interface {
		Configure(defaults Limits) Limits
	}
	// SessionCloser is a Server whose sessions outlive their connections. It is
	// called when the drain begins, while the listener is still open: it refuses
	// new sessions and closes those it has, until ctx ends.
	SessionCloser interface {
		CloseSessions(ctx context.Context) error
	}
	// Suspender is a Server that may not be able to open its listener again: it says
	// so before it is suspended. It returns at once.
	Suspender interface {
		CanSuspend() error
	}
	// Drainer is a Server with a goodbye of its own. It is called in a drain when
	// the listener is closed, Serve has returned and every connection has been adopted,
	// whether the server was suspended before or not; not if it was killed before. The
	// drain does not wait for it, but Release does: it must not wait for that in its turn.
	Drainer interface {
		Drain()
	}
	// Releaser is a Server that has something to release after its last
	// connection has ended and all its other methods have returned. Nothing waits for it.
	Releaser interface {
		Release()
	}
)

// Limits are the settings of one server.
type Limits struct {
	conns.Settings
	MaxConns int // open connections; at the limit it stops accepting; 0 is no limit
}
