package actors

import (
	"context"
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
	var asked []enquiry[messages.ServerStatus]
	for _, k := range r.kids {
		switch {
		case k.server == nil || r.phase == messages.PhaseDone:
		case k.drained:
			st.Servers = append(st.Servers, k.status())
		default:
			asked = append(asked, enquire(r, k, func(reply chan<- messages.ServerStatus) any {
				return getServerStatus{oldest: msg.Oldest, each: msg.Each, reply: reply}
			}))
		}
	}
	wait := statusPatience
	if msg.Patience > 0 {
		wait = min(wait, msg.Patience)
	}
	patience, cancel := context.WithTimeout(context.Background(), wait)
	go func() {
		defer cancel()
		for _, q := range asked {
			if s, ok := q.await(patience.Done()); ok { // whoever has not answered is left out
				st.Servers = append(st.Servers, s)
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
