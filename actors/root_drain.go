package actors

import (
	"cmp"
	"errors"
	"fmt"
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

// ask remembers who wants the Report, or gives it.
func (r *root) ask(sender *actor.PID, to chan<- messages.Report) {
	a := asker{pid: sender, reply: to}
	if r.report != nil {
		r.answer(a)
		return
	}
	r.askers = append(r.askers, a)
}

func (r *root) answer(a asker) {
	reply(a.reply, *r.report)
	if a.pid != nil {
		r.send(a.pid, *r.report)
	}
}

// enter changes the phase: the only place that does.
func (r *root) enter(p messages.Phase) {
	t := time.Now()
	if r.phase >= messages.PhaseAnnounced {
		r.phases = append(r.phases, messages.PhaseTook{Phase: r.phase, Took: t.Sub(r.entered)})
	}
	r.phase, r.entered = p, t
	if !r.deadline.IsZero() {
		r.gauges.due.Store(r.deadline.UnixNano())
	}
	r.gauges.phase.Store(uint32(p))
	r.gauges.entered[p].Store(t.UnixNano())
	r.shared.bus.publish(messages.PhaseChanged{Phase: p, Reason: r.reason, Deadline: r.deadline})
}

func (r *root) after(d time.Duration, msg any) {
	r.timers = append(r.timers, time.AfterFunc(max(d, soonest), func() { r.tell(msg) }))
}

func (r *root) shutdown(msg messages.Shutdown) {
	if r.phase > messages.PhaseServing {
		return
	}
	r.begin(msg.Reason, time.Now().Add(max(r.config.Timeout, leastForce)), msg.Deadline)
	if delay := r.config.ReadyDelay; delay > 0 && r.phase == messages.PhaseServing {
		r.enter(messages.PhaseAnnounced)
		if left := time.Until(r.deadline); delay >= left {
			delay = left / readyShare
		}
		r.after(delay, readyDelayOver{r})
		return
	}
	r.drain()
}

// readyShare : if an asker's Deadline is before the end of ReadyDelay, the announcement has
// this part of the time, or the drain would have none.
const readyShare = 2

// begin sets the one deadline.
func (r *root) begin(reason string, deadline, earlier time.Time) {
	if !earlier.IsZero() && earlier.Before(deadline) {
		deadline = earlier
	}
	if reason == "" {
		reason = "asked to"
	}
	left := time.Until(deadline)
	r.margin = killMargin(left)
	soon := left - r.margin
	if r.config.Timeout == 0 {
		soon = 0 // at once
	}
	left = max(left, leastForce)
	r.reason, r.began = reason, time.Now()
	r.deadline = r.began.Add(left)
	r.after(soon, killDue{r})
	r.after(left, deadlineOver{r})
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

// force turns whatever is going on into a kill.
func (r *root) force(reason string, earlier time.Time) {
	if r.phase >= messages.PhaseKilling {
		return
	}
	if r.began.IsZero() {
		// A drain that was never asked for has the time of one, if not as much.
		patience := min(max(r.config.Timeout, leastForce), killPatience+time.Second)
		r.begin(reason, time.Now().Add(patience), earlier)
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

// onDrained is a child's goodbye.
func (r *root) onDrained(ctx actor.Context, msg messages.Drained) {
	k := r.kid(msg.Child)
	if k == nil || k.drained {
		return
	}
	addr := k.report.Addr
	k.drained, k.report, k.reason = true, msg.Report, msg.Reason
	k.report.Name = k.name
	if k.report.Addr == "" {
		k.report.Addr = addr
	}
	if k.report.Err != nil && k.report.Error == "" {
		k.report.Error = k.report.Err.Error()
	}
	ctx.Stop(k.pid)
	r.settle(k)
	if r.phase == messages.PhaseStarting {
		r.fail("could not start", cmp.Or(k.report.Fault(), errUnserved))
	}
	r.maybeFinish()
}

// settle answers whoever waits for a child that has ended.
func (r *root) settle(k *kid) {
	close(k.gone)
	for _, t := range k.timers {
		t.Stop()
	}
	if k.came != nil || (k.leaves != nil && r.phase <= messages.PhaseServing) {
		r.forget(k) // it never was of the tree, or is not any more; else the Report has it
	}
	if k.came != nil {
		k.came(messages.Done{Err: cmp.Or(k.report.Fault(), fmt.Errorf("drain: server %q: %w", k.name, ErrServerGone))})
		k.came = nil
	}
	if k.leaves != nil {
		k.leaves(messages.UnregisterDone{Report: k.report, Err: k.report.Fault()})
	}
}

func (r *root) forget(gone *kid) {
	for i, k := range r.kids {
		if k == gone {
			r.kids = append(r.kids[:i:i], r.kids[i+1:]...)
			if k.seen != nil {
				k.seen.failed.Store(false)
				k.seen.gone.Store(true)
			}
			return
		}
	}
}

// onEnded is a child's end; without a goodbye it has crashed.
func (r *root) onEnded(pid *actor.PID) {
	k := r.kid(pid)
	if k == nil || k.drained {
		return
	}
	k.drained = true
	addr := k.report.Addr
	if last := k.last.Load(); last != nil {
		k.report = *last
	}
	k.report.Name, k.report.Addr = k.name, addr
	crash := "its actor terminated without a goodbye"
	if k.server != nil {
		crash += "; its connections were cut"
		k.seen.failed.Store(true)
	}
	k.report.Err = errors.Join(errors.New(crash), k.report.Err)
	k.report.Error = k.report.Err.Error()
	r.shared.bus.publish(messages.Panicked{Who: k.name, Reason: k.report.Err})
	r.settle(k)
	if r.phase == messages.PhaseStarting {
		r.fail("could not start", fmt.Errorf("drain: server %q: %w", k.name, k.report.Err))
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
		r.begin(reason, time.Now().Add(r.config.Timeout), time.Time{})
		r.began = r.began.Add(-took)
		r.tell(deadlineOver{r})
	case r.phase >= messages.PhaseDraining:
		r.tell(deadlineOver{r})
	}
}

// ownAccord is why a tree has ended that nobody has asked to, and how long that took:
// its servers have failed, or were drained one by one, by http.Server.Shutdown say.
func (r *root) ownAccord() (reason string, took time.Duration) {
	for i, k := range r.kids {
		took = max(took, k.report.Took)
		own := cmp.Or(k.reason, "every child has ended")
		if k.report.Err != nil {
			own = "every server has failed"
		}
		if i > 0 && own != reason {
			own = "every child has ended"
		}
		reason = own
	}
	return reason, took
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

// cutKid stops a child that has not said how it stands.
func (r *root) cutKid(ctx actor.Context, k *kid) {
	k.report.Name = k.name
	r.countLeft(k)
	k.report.Err = errors.New("it did not say Drained by the deadline, and was stopped")
	k.report.Error = k.report.Err.Error()
	ctx.Stop(k.pid)
}

// giveUp ends a child that was to drain alone, and has not.
func (r *root) giveUp(ctx actor.Context, k *kid) {
	if k.drained || r.report != nil {
		return
	}
	r.cutKid(ctx, k)
	k.drained = true
	r.settle(k)
	r.maybeFinish()
}

// countLeft enters what is cut with a child that has not said how it stands, and what it
// has ended before.
func (r *root) countLeft(k *kid) {
	k.report.Killed = 1
	if k.server == nil {
		return
	}
	c, b := r.gauges.Servers()[k.name], k.before
	if k.ordered == nil { // it was never told to end
		b = c
	}
	k.report.Drained, k.report.Unanswered = int(c.Drained-b.Drained), int(c.Unanswered-b.Unanswered)
	k.report.Crashed, k.report.Refused = int(c.Crashed-b.Crashed), int(c.Refused-b.Refused)
	k.report.Killed, k.report.Lost = int(c.Killed-b.Killed+c.Open), int(c.Lost-b.Lost+c.Busy)
	k.report.Running = int(c.InFlight)
}

func (r *root) conclude() {
	for _, t := range r.timers {
		t.Stop()
	}
	r.enter(messages.PhaseDone)
	report := messages.Report{
		Reason: r.reason, Forced: r.forced, Started: r.began, Took: time.Since(r.began),
		Timeout: r.config.Timeout, Phases: r.phases, Servers: []messages.ServerReport{},
		Failure: r.failure,
	}
	if r.failure != nil {
		report.Error = r.failure.Error()
	}
	for _, k := range r.kids {
		report.Servers = append(report.Servers, k.report)
	}
	r.report = &report
	r.shared.bus.publish(messages.DrainFinished{Report: report}) // before the process ends over the answers
	told := false
	for _, a := range r.askers {
		told = told || (a.pid != nil && r.parent != nil && a.pid.Id == r.parent.Id)
		r.answer(a)
	}
	r.askers = nil
	if r.parent != nil && !told {
		r.answer(asker{pid: r.parent})
	}
	for _, k := range slices.Clone(r.kids) {
		if !k.drained {
			k.drained = true
			r.settle(k)
		}
	}
}

// summary is a whole tree's Report as one child's.
func summary(r messages.Report) messages.ServerReport {
	sum := r.Sum()
	sum.Took, sum.Err = r.Took, r.Failure
	for _, s := range r.Servers {
		sum.Stragglers = append(sum.Stragglers, s.Stragglers...)
		if s.Err != nil {
			sum.Err = errors.Join(sum.Err, fmt.Errorf("server %q: %w", s.Name, s.Err))
		}
	}
	return sum
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
