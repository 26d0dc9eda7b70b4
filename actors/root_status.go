package actors

import (
	"time"

	"github.com/godrain/drain/messages"
)

// statusPatience bounds the wait for a server that is busy adopting or closing; who
// asks may have less.
const statusPatience = time.Second

// status gathers the servers' answers, elsewhere.
func (r *root) status(msg messages.GetStatus, answer func(messages.Status)) {
	st := messages.Status{
		Phase: r.phase, Reason: r.reason, Started: r.started, Deadline: r.deadline,
		Servers: []messages.ServerStatus{}, Report: r.report,
	}
	if !r.deadline.IsZero() && r.phase != messages.PhaseDone {
		st.Left = max(time.Until(r.deadline), 0)
	}
	answers := make(chan messages.ServerStatus, len(r.kids))
	asked := 0
	for _, k := range r.kids {
		switch {
		case k.server == nil || r.phase == messages.PhaseDone:
		case k.drained:
			st.Servers = append(st.Servers, k.status())
		default:
			r.send(k.pid, getServerStatus{oldest: msg.Oldest, each: msg.Each, reply: answers})
			asked++
		}
	}
	wait := statusPatience
	if msg.Patience > 0 {
		wait = min(wait, msg.Patience)
	}
	go func() {
		patience := time.After(wait)
	gather:
		for range asked {
			select {
			case s := <-answers:
				st.Servers = append(st.Servers, s)
			case <-patience:
				break gather // whoever has not answered is left out
			}
		}
		answer(st)
	}()
}

// status is that of a server that has ended.
func (k *kid) status() messages.ServerStatus {
	return messages.ServerStatus{
		Server: k.pid, Name: k.name, Addr: k.report.Addr, Phase: messages.PhaseDone, Error: k.report.Error,
		Counts: k.seen.counts(), Oldest: []messages.Connection{},
	}
}
