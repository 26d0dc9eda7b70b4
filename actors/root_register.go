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

func (r *root) register(ctx actor.Context, c Child, answer func(messages.Done)) {
	if r.phase != messages.PhaseServing {
		answer(messages.Done{Err: fmt.Errorf("drain: cannot register %q: the tree is %s", c.name, r.phase)})
		return
	}
	k, err := r.spawn(ctx, c)
	switch {
	case err != nil:
		answer(messages.Done{Err: err})
	case k.bound:
		answer(messages.Done{})
	default:
		k.came = answer
	}
}

// unregister drains one child and forgets it; one that has ended already, because it
// failed, or was asked to drain by itself, is only forgotten.
func (r *root) unregister(name string, answer func(messages.UnregisterDone)) {
	refuse := func(format string, args ...any) {
		answer(messages.UnregisterDone{Err: fmt.Errorf("drain: "+format, args...)})
	}
	k := r.named(name)
	switch {
	case k == nil:
		refuse("there is no server named %q; there are %v", name, r.names())
	case r.phase != messages.PhaseServing:
		refuse("cannot unregister %q: the tree is %s", name, r.phase)
	case k.leaves != nil:
		refuse("%q is being drained already", name)
	case k.drained:
		r.forget(k)
		answer(messages.UnregisterDone{Report: k.report, Err: k.report.Fault()})
	default:
		k.leaves = answer
		r.drainAlone(k)
	}
}

func (r *root) drainAlone(k *kid) {
	timeout := max(r.config.Timeout, leastForce)
	r.order(k, messages.Shutdown{Reason: "unregistered", Deadline: time.Now().Add(timeout)})
	k.timers = append(k.timers,
		time.AfterFunc(timeout-killMargin(timeout), func() { r.tell(kidDue{k}) }),
		time.AfterFunc(timeout, func() { r.tell(kidDeadline{k}) }))
}

func (r *root) named(name string) *kid {
	for _, k := range r.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (r *root) names() []string {
	names := make([]string, len(r.kids))
	for i, k := range r.kids {
		names[i] = k.name
	}
	return names
}

// forward passes Suspend or Resume on and gathers the answers, elsewhere.
func (r *root) forward(name string, answer func(messages.Done), msg func(chan<- messages.Done) any) {
	var asked []enquiry[messages.Done]
	for _, k := range r.kids {
		if k.server != nil && !k.drained && (name == "" || name == k.name) {
			asked = append(asked, enquire(r, k, msg))
		}
	}
	if len(asked) == 0 {
		answer(messages.Done{Err: r.notServing(name)})
		return
	}
	go func() {
		var all messages.Done
		for _, q := range asked {
			done, ok := q.await(nil)
			if !ok { // it was stopped before it had read the question
				done.Err = ErrServerGone
			}
			if done.Err != nil {
				done.Err = fmt.Errorf("drain: server %q: %w", q.name, done.Err)
			}
			all.Addr = done.Addr
			all.Err = errors.Join(all.Err, done.Err)
		}
		answer(all)
	}()
}

// notServing is why there is nothing of that name to suspend or resume.
func (r *root) notServing(name string) error {
	switch k := r.named(name); {
	case name == "":
		return errors.New("drain: there is no server")
	case k == nil:
		return fmt.Errorf("drain: there is no server named %q; there are %v", name, r.names())
	case k.server == nil:
		return fmt.Errorf("drain: %q is an actor of yours: only servers can be suspended", name)
	case k.report.Err != nil:
		return fmt.Errorf("drain: the server %q has failed: %w", name, k.report.Err)
	}
	return fmt.Errorf("drain: the server %q has been drained", name)
}
