package actors

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// statusPatience bounds the wait for a server that is busy adopting or closing.
const statusPatience = time.Second

// status gathers the servers' answers, elsewhere.
func (r *root) status(sender *actor.PID, msg messages.GetStatus) {
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
		if k.server != nil && r.phase != messages.PhaseDone && !k.drained {
			r.send(k.pid, getServerStatus{oldest: msg.Oldest, each: msg.Each, reply: answers})
			asked++
		}
	}
	system := r.shared.system
	go func() {
		patience := time.After(statusPatience)
	gather:
		for range asked {
			select {
			case s := <-answers:
				st.Servers = append(st.Servers, s)
			case <-patience:
				break gather // whoever has not answered is left out
			}
		}
		reply(msg.Reply, st)
		if sender != nil {
			system.Root.Send(sender, st)
		}
	}()
}
