package drain

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// What handlers use, by name: a handler package may import conns alone.
var (
	// ErrDraining is the cause of a request's context that was cancelled because
	// its server is shutting down; see context.Cause.
	ErrDraining = conns.ErrDraining
	// ErrKilled is the cause of a context that was cancelled at the deadline.
	ErrKilled = conns.ErrKilled
	// ErrCut is wrapped by the error of a drain that cut something: see Report.Err. A
	// start that fails, or a server that does and cuts nothing, is an error without it.
	ErrCut = messages.ErrCut
)

// Draining returns a channel that is closed when the server of a request begins
// to drain; nil, which never fires, if ctx is of no managed server.
func Draining(ctx context.Context) <-chan struct{} { return conns.Draining(ctx) }

// Interruptible marks a request that may wait for long, such as a long poll: as
// soon as its server drains, its context is cancelled, with the cause ErrDraining.
// It is the first line of its handler: drain.Interruptible(r.Context()).
func Interruptible(ctx context.Context) { conns.Interruptible(ctx) }

// Finite marks a request whose stream of events (text/event-stream, asked for by a GET)
// ends by itself, soon enough: a drain waits for it as for any other response, and does
// not end it at the next event. What is asked for by another method is waited for anyhow.
func Finite(ctx context.Context) { conns.Finite(ctx) }

// Report says what happened in a drain.
type Report = messages.Report

// Status is what the servers are doing now.
type Status = messages.Status

// Server is a server to manage: package servers has them.
type Server = actors.Server

// Config is how servers are run and drained. The zero value is useful. In each
// duration 0 means the default and a negative value means "none, at once".
type Config struct {
	// Timeout bounds the whole drain, of all servers and connections together.
	// Default 25 s: Kubernetes kills after 30.
	Timeout time.Duration
	// ReadyDelay is how long, after readiness has turned 503, everything is served
	// as before, for load balancers to notice. It is part of Timeout. Default 0.
	ReadyDelay time.Duration

	// What follows is the default of every server that has no setting of its own.

	// IdleGrace is how long a connection must have been quiet to leave as idle; a
	// new one, or one in the middle of a header, has as long. When half the time of the
	// drain is over, an idle one leaves at once: who is back sooner than that, again and
	// again, would stay until the deadline. Default 1 s.
	IdleGrace time.Duration
	// CloseTimeout is how long the answer to a WebSocket's close frame is awaited; and of
	// other connections that leave, a peer whose network does not bring it what it was sent,
	// or that fetches an HTTP/2 response in bursts (Linux). Half the time of the drain at most.
	// Default 5 s.
	CloseTimeout time.Duration
	// Linger is how long the peer's FIN is awaited after ours. Default 1 s.
	Linger time.Duration
	// NoFarewell leaves idle HTTP/1 connections without a 408.
	NoFarewell bool
	// CloseCode and CloseReason of WebSockets (RFC 6455, section 7.4). Default 1001.
	CloseCode   int
	CloseReason string
	// Spread spaces the closing of WebSockets out. The default closes all at once.
	Spread Spread
	// MaxConns limits the open connections of a server; at the limit it stops
	// accepting, and the kernel's queue holds the rest. 0 is no limit.
	MaxConns int

	// Signals that ask for the drain. Default SIGTERM and SIGINT; an empty,
	// non-nil slice is none.
	Signals []os.Signal
	// SignalGap is the time in which a second signal is taken for the same one:
	// process groups and supervisors deliver it twice. A later one forces the
	// shutdown. Default 1 s.
	SignalGap time.Duration

	// Logger is told a handful of lines a drain at INFO, and each connection at
	// DEBUG. Default slog.Default(). With DRAIN_DEBUG=1 in the environment and no
	// Logger, everything is written to standard error.
	Logger *slog.Logger
	// Subscribers are told of events.
	Subscribers []messages.Subscriber
	// System is the actor system to live in. By default a new one is made.
	System *actor.ActorSystem
}

func (c Config) limits() actors.Limits {
	return actors.Limits{
		Settings: conns.Settings{
			IdleGrace: c.IdleGrace, CloseTimeout: c.CloseTimeout, Linger: c.Linger, NoFarewell: c.NoFarewell,
			CloseCode: c.CloseCode, CloseReason: c.CloseReason, Spread: c.Spread,
		},
		MaxConns: c.MaxConns,
	}
}

// Spread spaces the closing of WebSockets out, so that their clients do not all
// come back in the same second.
type Spread = conns.Spread

// Run serves until SIGTERM, SIGINT or the end of ctx, drains, and returns the
// Report, whose Err the error is. It returns by the deadline, always. Requests'
// contexts do not derive from ctx. It is the zero Config, Start and Wait: if it cannot
// start, the error is Start's, and the Report's Failure.
func Run(ctx context.Context, servers ...Server) (Report, error) {
	h, err := Config{}.Start(ctx, servers...)
	if err != nil {
		return Report{Reason: "could not start", Failure: err, Error: err.Error()}, err
	}
	return h.Wait()
}

// Start binds all servers and serves. An error means that nothing is left
// running: a server could not bind, or the configuration is not valid.
func (c Config) Start(ctx context.Context, servers ...Server) (*Handle, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("drain: not started: %w", context.Cause(ctx))
	}
	logger := &lastLine{Subscriber: c.logger(), written: make(chan struct{})}
	config := actors.Config{
		Timeout: c.Timeout, ReadyDelay: c.ReadyDelay, Limits: c.limits(),
		Subscribers: append([]messages.Subscriber{logger}, c.Subscribers...),
	}
	if err := config.Validate(); err != nil {
		return nil, err
	}
	children := make([]actors.Child, len(servers))
	for i, s := range servers {
		if s == nil {
			return nil, fmt.Errorf("drain: the server at place %d of %d is nil", i+1, len(servers))
		}
		children[i] = actors.Managed(s)
	}
	system := c.System
	if system == nil {
		system = quietSystem()
	}
	props, gauges := actors.RootWithGauges(config, children...)
	signals := c.catch() // before anything is there that a signal could end

	h := &Handle{system: system, gauges: gauges, up: make(chan struct{}), done: make(chan struct{})}
	reports := make(chan messages.Report, 1)
	h.watcher = system.Root.Spawn(actor.PropsFromFunc(watch(props, h, reports)))
	<-h.up
	go h.attend(ctx, signals, reports, logger)
	started, err := ask(context.Background(), h, func(reply chan<- messages.Done) any {
		return actors.AwaitServing{Reply: reply}
	})
	if err == nil {
		err = started.Err
	}
	if err == nil {
		return h, nil
	}
	<-h.done
	if started.Err == nil { // the root was gone before it could answer
		err = cmp.Or(h.report.Err(), err)
	}
	return nil, err
}

// attend asks for the drain when a signal or ctx does, and ends with the Report.
func (h *Handle) attend(ctx context.Context, signals *signals, reports <-chan messages.Report, log *lastLine) {
	ended := ctx.Done()
	for {
		select {
		case s := <-signals.caught:
			switch signals.judge() {
			case first:
				h.send(messages.Shutdown{Reason: "signal: " + s.String()})
			case second:
				h.send(messages.ForceShutdown{Reason: "a second signal: " + s.String()})
			}
		case <-ended:
			ended = nil
			h.send(messages.Shutdown{Reason: "context: " + context.Cause(ctx).Error()})
		case r := <-reports:
			h.report = r
			log.await(r)
			close(h.done)
			signals.release()
			return
		}
	}
}
