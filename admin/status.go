package admin

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/godrain/drain/messages"
)

// Status is the answer of GET /status: messages.Status and what goes with it.
// Durations are nanoseconds, instants RFC 3339.
type Status struct {
	messages.Status
	Now     time.Time                    `json:"now"`
	Entered map[messages.Phase]time.Time `json:"entered"` // when each phase was entered that has been
	Dropped int64                        `json:"events_dropped"`
	// Silent are the servers that were too busy to answer in time: they are
	// described by their counters alone.
	Silent []string `json:"silent,omitempty"`
	// Stragglers are, during a drain, the connections that hold it, oldest first;
	// after it, those that did not end in order.
	Stragglers []messages.Connection `json:"stragglers"`
}

const (
	defaultOldest = 20
	mostListed    = 2000
)

func (p *Panel) status(w http.ResponseWriter, r *http.Request) {
	oldest, err := listed(r, "oldest", defaultOldest)
	each, err2 := listed(r, "each", 0)
	if err = cmp.Or(err, err2); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	answerJSON(w, http.StatusOK, p.inspect(ctx, messages.GetStatus{Oldest: oldest, Each: each}))
}

func listed(r *http.Request, name string, fallback int) (int, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > mostListed {
		return 0, fmt.Errorf("admin: %s=%q: it must be a number from 1 to %d", name, s, mostListed)
	}
	return n, nil
}

// inspect asks the servers; one that is too busy to answer, or gone, is described
// by its counters.
func (p *Panel) inspect(ctx context.Context, what messages.GetStatus) Status {
	h := p.tree()
	if h == nil {
		return Status{Now: time.Now(), Status: messages.Status{Servers: []messages.ServerStatus{}}, Stragglers: []messages.Connection{}}
	}
	st := Status{Stragglers: []messages.Connection{}}
	select {
	case <-h.Done():
	default:
		st.Status, _ = h.Inspect(ctx, what)
	}
	v := h.Vitals()
	st.Now, st.Entered, st.Dropped = time.Now(), v.Entered, v.Dropped
	st.Phase, st.Deadline = v.Phase, v.Deadline
	if serving, ok := v.Entered[messages.PhaseServing]; ok {
		st.Started = serving // the root is not there to be asked once it has drained
	}
	st.merge(v)
	select {
	case <-h.Done():
		st.conclude(h)
	default:
	}
	switch {
	case st.Report != nil:
	case st.Phase > messages.PhaseServing:
		st.Left = max(time.Until(v.Deadline), 0)
		for _, s := range st.Servers {
			st.Stragglers = append(st.Stragglers, s.Oldest...)
		}
		slices.SortFunc(st.Stragglers, func(a, b messages.Connection) int { return cmp.Compare(b.Since, a.Since) })
	}
	return st
}

// merge adds the servers that have not answered: they have drained, or are busy.
func (st *Status) merge(v messages.Vitals) {
	answered := make(map[string]messages.ServerStatus, len(st.Servers))
	for _, s := range st.Servers {
		answered[s.Name] = s
	}
	st.Servers = []messages.ServerStatus{}
	for _, s := range v.Servers {
		a, ok := answered[s.Name]
		if !ok {
			if s.Gone {
				continue
			}
			a = messages.ServerStatus{Name: s.Name, Phase: v.Phase, Oldest: []messages.Connection{}}
			a.States = messages.States{Busy: s.Counts.Busy, Idle: max(s.Counts.Open-s.Counts.Busy, 0)}
			if s.Counts.Open == 0 {
				a.Phase = messages.PhaseDone
			} else {
				st.Silent = append(st.Silent, s.Name)
			}
		}
		a.Counts = s.Counts
		st.Servers = append(st.Servers, a)
	}
}

// conclude fills in what the Report says.
func (st *Status) conclude(h Handle) {
	report, _ := h.Wait()
	st.Report, st.Reason, st.Phase = &report, report.Reason, messages.PhaseDone
	for _, s := range report.Servers {
		for _, straggler := range s.Stragglers {
			st.Stragglers = append(st.Stragglers, straggler.Connection)
		}
		for i := range st.Servers {
			if st.Servers[i].Name == s.Name {
				st.Servers[i].Addr, st.Servers[i].Phase, st.Servers[i].Error = s.Addr, messages.PhaseDone, s.Error
			}
		}
	}
}
