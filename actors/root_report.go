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

// This file is the Report, and who gets it.

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
