package drain

import (
	"context"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/messages"
)

// Handle is a running tree. Its methods may be called from anywhere, any number
// of times. A ctx bounds the wait for the answer alone: what has been asked for is done
// even if it has ended, or had before.
type Handle struct {
	system  *actor.ActorSystem
	watcher *actor.PID
	root    *actor.PID
	gauges  *actors.Gauges
	up      chan struct{}

	report messages.Report
	done   chan struct{} // closed when report is there
}

// Wait blocks until the tree has been drained. The error is the Report's.
func (h *Handle) Wait() (Report, error) {
	<-h.done
	return h.report, h.report.Err()
}

// Done is closed when the tree has been drained.
func (h *Handle) Done() <-chan struct{} { return h.done }

// Shutdown asks for a drain and waits for it, or for ctx, whose end leaves the
// drain going on. Everyone who asks gets the same Report.
func (h *Handle) Shutdown(ctx context.Context) (Report, error) {
	h.send(messages.Shutdown{Reason: "Shutdown was called"})
	return h.await(ctx)
}

// ForceShutdown turns whatever is going on into an immediate kill.
func (h *Handle) ForceShutdown(ctx context.Context) (Report, error) {
	h.send(messages.ForceShutdown{Reason: "ForceShutdown was called"})
	return h.await(ctx)
}

func (h *Handle) await(ctx context.Context) (Report, error) {
	select {
	case <-h.done:
		return h.report, h.report.Err()
	case <-ctx.Done():
		return Report{}, fmt.Errorf("drain: the shutdown goes on: %w", ctx.Err())
	}
}

// Status says what every server is doing, and names their oldest busy
// connections.
func (h *Handle) Status(ctx context.Context) (Status, error) {
	return ask(ctx, h, func(reply chan<- Status) any { return messages.GetStatus{Reply: reply} })
}

// Inspect is Status with a say in how much of it: see messages.GetStatus. Its
// Reply is not used.
func (h *Handle) Inspect(ctx context.Context, what messages.GetStatus) (Status, error) {
	return ask(ctx, h, func(reply chan<- Status) any {
		what.Reply = reply
		return what
	})
}

// Register starts one more server.
func (h *Handle) Register(ctx context.Context, s Server) error {
	return h.order(ctx, func(reply chan<- messages.Done) any {
		return actors.Register{Child: actors.Managed(s), Reply: reply}
	})
}

// RegisterActor starts an actor of your own as one more child: it answers
// messages.Shutdown with messages.Drained.
func (h *Handle) RegisterActor(ctx context.Context, name string, props *actor.Props) error {
	return h.order(ctx, func(reply chan<- messages.Done) any {
		return actors.Register{Child: actors.Custom(name, props), Reply: reply}
	})
}

// Unregister drains one server and forgets it.
func (h *Handle) Unregister(ctx context.Context, name string) (messages.ServerReport, error) {
	done, err := ask(ctx, h, func(reply chan<- messages.UnregisterDone) any {
		return messages.Unregister{Name: name, Reply: reply}
	})
	if err == nil {
		err = done.Err
	}
	return done.Report, err
}

// Suspend stops accepting on one server, or on all if name is empty. What is
// connected is served on.
func (h *Handle) Suspend(ctx context.Context, name string) error {
	return h.order(ctx, func(reply chan<- messages.Done) any { return messages.Suspend{Name: name, Reply: reply} })
}

// Resume binds and accepts again. A server whose address left the port open (":0") gets
// the one that it had, unless somebody has taken it; so does a transport of your own
// that is an actors.Rebinder and opens its listener by Acceptor.Again.
func (h *Handle) Resume(ctx context.Context, name string) error {
	return h.order(ctx, func(reply chan<- messages.Done) any { return messages.Resume{Name: name, Reply: reply} })
}

// Addrs are the addresses bound, by the servers' names: of one that is suspended, the
// one that it had; none of an actor of yours; and none at all once the tree has been drained.
func (h *Handle) Addrs() map[string]string {
	addrs := make(map[string]string)
	st, err := h.Status(context.Background())
	if err != nil {
		return addrs
	}
	for _, s := range st.Servers {
		addrs[s.Name] = s.Addr
	}
	return addrs
}

// Gauges are the counters of the tree, to be read at any rate.
func (h *Handle) Gauges() *actors.Gauges { return h.gauges }

// Vitals are the counters and the phase as one value. They are read without
// asking any actor, at any rate.
func (h *Handle) Vitals() messages.Vitals { return h.gauges.Vitals() }

// PID is the root's: other actors may send it messages.Shutdown.
func (h *Handle) PID() *actor.PID { return h.root }

// System is the actor system that the tree lives in.
func (h *Handle) System() *actor.ActorSystem { return h.system }

// send tells the root, unless it has stopped: the framework would start to count
// dead letters.
func (h *Handle) send(msg any) {
	select {
	case <-h.done:
	default:
		h.system.Root.Send(h.root, msg)
	}
}

func (h *Handle) order(ctx context.Context, msg func(chan<- messages.Done) any) error {
	done, err := ask(ctx, h, msg)
	if err != nil {
		return err
	}
	return done.Err
}

// ask sends a request that carries its reply and waits for it.
func ask[T any](ctx context.Context, h *Handle, msg func(chan<- T) any) (answer T, err error) {
	reply := make(chan T, 1)
	h.send(msg(reply))
	select {
	case answer = <-reply:
		return answer, nil
	case <-h.done:
		select {
		case answer = <-reply:
			return answer, nil
		default:
			return answer, fmt.Errorf("drain: the tree has been drained: %s", h.report.Reason)
		}
	case <-ctx.Done():
		return answer, fmt.Errorf("drain: no answer: %w", ctx.Err())
	}
}

// watch is the actor above the root, for trees that have none of the user's: it
// hears the Report, passes it on and stops the root.
func watch(props *actor.Props, h *Handle, reports chan<- messages.Report) actor.ReceiveFunc {
	return func(ctx actor.Context) {
		switch msg := ctx.Message().(type) {
		case *actor.Started:
			h.root = ctx.SpawnPrefix(props, "root-")
			close(h.up)
		case messages.Report:
			reports <- msg
			ctx.Poison(h.root) // who has asked it something meanwhile is answered
		case *actor.Terminated:
			ctx.Stop(ctx.Self())
		}
	}
}
