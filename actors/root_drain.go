package actors

import (
	"errors"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// This file is the root's way out:
//
//	shutdown ─▶ announced ─▶ drain ─▶ … every child says Drained … ─▶ finish
//	               └─ force ─▶ kill ────────────────────────────────────┘
//
// finish is the only end, and the deadline reaches it from anywhere.

// enter changes the phase: the only place that does.
func (r *root) enter(p messages.Phase) {
	t := time.Now()
	if r.phase >= messages.PhaseAnnounced {
		r.phases = append(r.phases, messages.PhaseTook{Phase: r.phase, Took: t.Sub(r.entered)})
	}
	r.phase, r.entered = p, t
	r.gauges.phase.Store(uint32(p))
	r.gauges.entered[p].Store(t.UnixNano())
	r.shared.bus.publish(messages.PhaseChanged{Phase: p, Reason: r.reason, Deadline: r.deadline})
}

func (r *root) after(d time.Duration, msg any) {
	r.timers = append(r.timers, time.AfterFunc(max(d, soonest), func() { r.tell(msg) }))
}

func (r *root) shutdown(msg messages.Shutdown) {
	if r.phase > messages.PhaseServing {
		r.hasten(msg.Deadline)
		return
	}
	r.begin(msg.Reason, sooner(time.Now().Add(max(r.config.Timeout, leastForce)), msg.Deadline))
	if r.config.ReadyDelay > 0 && r.phase == messages.PhaseServing {
		r.enter(messages.PhaseAnnounced)
		r.announce()
		return
	}
	r.drain()
}

// readyShare : if an asker's Deadline is before the end of ReadyDelay, the announcement has
// this part of the time, or the drain would have none.
const readyShare = 2

// announce leaves the announcement its time, as far as the deadline allows.
func (r *root) announce() {
	delay := r.config.ReadyDelay - time.Since(r.entered)
	if left := time.Until(r.deadline); delay >= left {
		delay = left / readyShare
	}
	r.after(delay, readyDelayOver{r})
}

func (r *root) begin(reason string, deadline time.Time) {
	if reason == "" {
		reason = "asked to"
	}
	r.reason, r.began = reason, time.Now()
	r.hold(deadline)
}

// hold sets the one deadline. Not even the least time that a kill has takes it further away.
func (r *root) hold(deadline time.Time) {
	left := time.Until(deadline)
	r.margin = killMargin(left)
	soon := left - r.margin
	if r.config.Timeout == 0 {
		soon = 0 // at once
	}
	left = max(left, leastForce)
	if !r.deadline.IsZero() {
		left = min(left, time.Until(r.deadline))
	}
	r.deadline = time.Now().Add(left)
	r.gauges.due.Store(r.deadline.UnixNano())
	r.after(soon, killDue{r})
	r.after(left, deadlineOver{r})
}

// hasten is for a tree that drains already, and is asked again by somebody who has less
// time: the deadline may come nearer, it never moves away. What was set for the later one
// finds nothing left to do.
func (r *root) hasten(deadline time.Time) {
	if r.report != nil || deadline.IsZero() || !deadline.Before(r.deadline) {
		return
	}
	r.hold(deadline)
	if r.phase == messages.PhaseAnnounced {
		r.announce()
		return
	}
	for _, k := range r.kids {
		switch {
		case k.drained:
		case r.phase == messages.PhaseKilling:
			r.order(k, messages.ForceShutdown{Reason: r.reason, Deadline: r.deadlineOf(k)})
		default:
			r.order(k, messages.Shutdown{Reason: r.reason, Deadline: r.deadlineOf(k)})
		}
	}
}

// sooner is the earlier of two deadlines; one that is not set is none.
func sooner(deadline, other time.Time) time.Time {
	if other.IsZero() || deadline.Before(other) {
		return deadline
	}
	return other
}

func (r *root) drain() {
	if r.phase >= messages.PhaseDraining {
		return
	}
	r.enter(messages.PhaseDraining)
	r.answerWaiting(errUnserved)
	for _, k := range r.kids {
		if !k.drained {
			r.order(k, messages.Shutdown{Reason: r.reason, Deadline: r.deadlineOf(k)})
		}
	}
	r.maybeFinish()
}

// order tells a child to end, and remembers that: one that fails over it is told again.
func (r *root) order(k *kid, msg any) {
	if k.server != nil && k.ordered == nil {
		k.before = r.gauges.Servers()[k.name]
	}
	k.ordered = msg
	r.send(k.pid, msg)
}

// deadlineOf leaves a child of your own the time to say how it stands: a tree in this one
// has its Report when its own deadline comes. A server's actor does that by itself.
func (r *root) deadlineOf(k *kid) time.Time {
	if k.server != nil {
		return r.deadline
	}
	return r.deadline.Add(-reportMargin(time.Until(r.deadline)))
}

// force turns whatever is going on into a kill. That has its time, but no more of it than a
// kill needs: a child that answers to nothing does not hold it for the rest of the drain's.
func (r *root) force(reason string, earlier time.Time) {
	deadline := sooner(time.Now().Add(min(max(r.config.Timeout, leastForce), killPatience+time.Second)), earlier)
	switch {
	case r.phase >= messages.PhaseKilling:
		r.hasten(earlier)
		return
	case r.began.IsZero():
		r.begin(reason, deadline)
	case deadline.Before(r.deadline):
		r.hold(deadline)
	}
	r.forced = true
	r.kill(reason)
}

func (r *root) kill(reason string) {
	if r.phase >= messages.PhaseKilling {
		return
	}
	r.enter(messages.PhaseKilling)
	r.answerWaiting(errUnserved)
	for _, k := range r.kids {
		if !k.drained {
			r.order(k, messages.ForceShutdown{Reason: reason, Deadline: r.deadlineOf(k)})
		}
	}
	r.maybeFinish()
}

// maybeFinish ends the drain when every child has said goodbye. A tree whose
// servers have all failed ends by itself.
func (r *root) maybeFinish() {
	if r.report != nil {
		return
	}
	for _, k := range r.kids {
		if !k.drained {
			return
		}
	}
	switch {
	case r.phase == messages.PhaseServing && len(r.kids) > 0:
		reason, took := r.ownAccord()
		r.begin(reason, time.Now().Add(r.config.Timeout))
		r.began = r.began.Add(-took)
		r.tell(deadlineOver{r})
	case r.phase >= messages.PhaseDraining:
		r.tell(deadlineOver{r})
	}
}

// over is the deadline. A process that was frozen until then (a virtual machine that
// moves) hears of it and of the kill at once: whoever is killed has half of the margin, to
// say how it stands, as it would have had otherwise.
func (r *root) over(ctx actor.Context) {
	if r.report == nil && slices.ContainsFunc(r.kids, func(k *kid) bool { return !k.drained }) {
		r.kill("the deadline has come")
		if owed := r.margin/2 - time.Since(r.entered); owed > 0 {
			r.after(owed, deadlineOver{r})
			return
		}
	}
	r.finish(ctx)
}

// finish makes the Report, and gives it to everyone who asked and to the parent.
func (r *root) finish(ctx actor.Context) {
	if r.report != nil {
		return
	}
	for _, k := range r.kids {
		if !k.drained {
			r.cutKid(ctx, k)
		}
	}
	r.conclude()
}

// stop is the last resort: the root was stopped without having been drained. The
// framework stops its children, who cut what they have.
func (r *root) stop() {
	if r.report != nil || r.shared == nil {
		return
	}
	if r.began.IsZero() {
		r.reason, r.began, r.forced = "stopped without a drain", time.Now(), true
	}
	for _, k := range r.kids {
		if !k.drained {
			k.report.Name = k.name
			r.countLeft(k)
			k.report.Err = errors.New("the root was stopped before it had said Drained: send Shutdown first")
			k.report.Error = k.report.Err.Error()
		}
	}
	r.answerWaiting(r.kidErr())
	r.conclude()
}

func (r *root) kidErr() error { return errors.New("drain: the root was stopped") }
