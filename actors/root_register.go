package actors

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// This file is what changes in a running tree: servers come and go, and stop
// accepting for a while.

func (r *root) register(ctx actor.Context, msg Register) {
	if r.phase != messages.PhaseServing {
		reply(msg.Reply, messages.Done{Err: fmt.Errorf("drain: cannot register %q: the tree is %s", msg.Child.name, r.phase)})
		return
	}
	k, err := r.spawn(ctx, msg.Child)
	switch {
	case err != nil:
		reply(msg.Reply, messages.Done{Err: err})
	case k.bound:
		reply(msg.Reply, messages.Done{Server: k.pid})
	default:
		k.reply = msg.Reply
	}
}

func (r *root) unregister(msg messages.Unregister) {
	for _, k := range r.kids {
		if k.name != msg.Name {
			continue
		}
		if r.phase != messages.PhaseServing || k.leaving != nil || k.drained {
			reply(msg.Reply, messages.UnregisterDone{Err: fmt.Errorf("drain: %q is being drained already", msg.Name)})
			return
		}
		k.leaving = msg.Reply
		if k.leaving == nil {
			k.leaving = make(chan messages.UnregisterDone, 1)
		}
		deadline := time.Now().Add(r.config.Timeout)
		r.send(k.pid, messages.Shutdown{Reason: "unregistered", Deadline: deadline})
		if k.server == nil { // a server holds its deadline itself
			k.timer = time.AfterFunc(r.config.Timeout-killMargin(r.config.Timeout), func() {
				r.send(k.pid, messages.ForceShutdown{Reason: "the deadline has come"})
			})
		}
		return
	}
	reply(msg.Reply, messages.UnregisterDone{Err: fmt.Errorf("drain: there is no server named %q; there are %v", msg.Name, r.names())})
}

func (r *root) names() []string {
	names := make([]string, len(r.kids))
	for i, k := range r.kids {
		names[i] = k.name
	}
	return names
}

// forward passes Suspend or Resume on and gathers the answers, elsewhere.
func (r *root) forward(name string, to chan<- messages.Done, msg func(chan<- messages.Done) any) {
	type question struct {
		answer chan messages.Done
		*kid
	}
	var asked []question
	for _, k := range r.kids {
		if k.server != nil && !k.drained && (name == "" || name == k.name) {
			q := question{make(chan messages.Done, 1), k}
			r.send(k.pid, msg(q.answer))
			asked = append(asked, q)
		}
	}
	if len(asked) == 0 {
		reply(to, messages.Done{Err: fmt.Errorf("drain: there is no server named %q; there are %v", name, r.names())})
		return
	}
	go func() {
		var all messages.Done
		for _, q := range asked {
			var done messages.Done
			select {
			case done = <-q.answer:
			case <-q.gone:
				select {
				case done = <-q.answer:
				default: // it was stopped before it had read the question
					done.Err = fmt.Errorf("drain: server %q: %w", q.name, ErrServerGone)
				}
			}
			all.Addr = done.Addr
			all.Err = errors.Join(all.Err, done.Err)
		}
		reply(to, all)
	}()
}
