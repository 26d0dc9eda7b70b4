package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	mostWatchers = 32
	refresh      = time.Second     // between two frames in which nothing has happened
	writeTime    = 5 * time.Second // for a watcher to take a frame
)

// hello is the first event of a stream: what the page may offer.
type hello struct {
	Orders  bool         `json:"orders"`
	Actions []actionView `json:"actions"`
}

type actionView struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Open  bool   `json:"open"`
}

// events streams frames: when something changes, at most ten a second, else once
// a second. The one with the Report is the last.
func (p *Panel) events(w http.ResponseWriter, r *http.Request) {
	if p.watching.Add(1) > mostWatchers {
		p.watching.Add(-1)
		http.Error(w, fmt.Sprintf("admin: %d are watching already", mostWatchers), http.StatusServiceUnavailable)
		return
	}
	defer func() {
		if p.watching.Add(-1) == 0 {
			poke(p.left)
		}
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	s := stream{w, http.NewResponseController(w)}
	greeting := hello{Orders: p.options.Token != "", Actions: []actionView{}}
	for _, a := range p.options.Actions {
		greeting.Actions = append(greeting.Actions, actionView{a.Name, a.Label, a.Open})
	}
	data, _ := json.Marshal(greeting)
	if s.send("hello", data) != nil {
		return
	}
	p.watch(s, r)
}

func (p *Panel) watch(s stream, r *http.Request) {
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	var key uint64
	var sent time.Time
	for {
		f := p.sampler.frame(r.Context())
		if f == nil {
			return
		}
		if f.key != key || (time.Since(sent) >= refresh && f.made.After(sent)) {
			if s.send("status", f.data) != nil || f.final {
				return
			}
			key, sent = f.key, time.Now()
		}
		var over <-chan struct{}
		if h := p.tree(); h != nil {
			over = h.Done()
		}
		select {
		case <-tick.C:
		case <-over:
			p.sampler.expire()
		case <-r.Context().Done():
			return
		}
	}
}

// expire makes the next frame be made at once: there is a Report.
func (s *sampler) expire() {
	if f := s.last.Load(); f != nil && !f.final {
		s.last.CompareAndSwap(f, nil)
	}
}

// stream writes server-sent events.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (s stream) send(event string, data []byte) error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeTime))
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, data); err != nil {
		return err
	}
	return s.rc.Flush()
}
