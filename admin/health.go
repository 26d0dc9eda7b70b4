package admin

import (
	"net/http"
	"time"

	"github.com/godrain/drain/messages"
)

// health is the body of the three probes.
type health struct {
	OK       bool           `json:"ok"`
	Phase    messages.Phase `json:"phase"`
	Deadline time.Time      `json:"deadline,omitzero"`
	Left     float64        `json:"left_seconds,omitempty"` // until the deadline
	Failed   []string       `json:"failed,omitempty"`       // servers that could not go on
}

func (p *Panel) health() health {
	h := p.tree()
	if h == nil {
		return health{Phase: messages.PhaseStarting}
	}
	v := h.Vitals()
	s := health{Phase: v.Phase}
	for _, server := range v.Servers {
		if server.Failed {
			s.Failed = append(s.Failed, server.Name)
		}
	}
	if v.Phase > messages.PhaseServing {
		s.Deadline = v.Deadline
		if v.Phase < messages.PhaseDone {
			s.Left = max(time.Until(v.Deadline), 0).Round(time.Millisecond).Seconds()
		}
	}
	return s
}

func (s health) answer(w http.ResponseWriter, ok bool) {
	s.OK = ok
	status := http.StatusOK
	if !ok {
		status = http.StatusServiceUnavailable
	}
	answerJSON(w, status, s)
}

// livez : restarting this process would help nobody. A drain is no reason to
// kill it sooner.
func (p *Panel) livez(w http.ResponseWriter, _ *http.Request) { p.health().answer(w, true) }

// readyz : send traffic here. Not from the first instant of a shutdown, nor to a process
// one of whose servers has failed, until that has been unregistered.
func (p *Panel) readyz(w http.ResponseWriter, _ *http.Request) {
	s := p.health()
	s.answer(w, s.Phase == messages.PhaseServing && len(s.Failed) == 0)
}

// startupz : everything is bound and serves, or did.
func (p *Panel) startupz(w http.ResponseWriter, _ *http.Request) {
	s := p.health()
	s.answer(w, s.Phase >= messages.PhaseServing)
}
