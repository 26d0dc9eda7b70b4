package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/godrain/drain/messages"
)

// orderTime bounds the wait for a server to be suspended or resumed.
const orderTime = 10 * time.Second

// order lets through what comes with the token, and from no other site.
func (p *Panel) order(name string, do func(h Handle, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := p.sameSite(r); err != nil {
			p.refuse(w, r, err)
			return
		}
		if err := p.authorised(r); err != nil {
			p.refuse(w, r, err)
			return
		}
		h := p.tree()
		if h == nil {
			http.Error(w, "admin: nothing is running yet", http.StatusServiceUnavailable)
			return
		}
		// The query is not logged as it is: somebody may have put the token there too.
		q := r.URL.Query()
		p.log.Warn("admin: ordered", "what", name, "server", q.Get("server"), "force", q.Has("force"), "peer", r.RemoteAddr)
		if err := do(h, r); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		answerJSON(w, http.StatusAccepted, struct {
			Ordered string         `json:"ordered"`
			Phase   messages.Phase `json:"phase"`
		}{name, h.Vitals().Phase})
	})
}

// shutdown asks, and does not wait: the stream and /status tell how it goes.
func (p *Panel) shutdown(h Handle, r *http.Request) error {
	asked, cancel := context.WithCancel(context.Background())
	cancel()
	if r.URL.Query().Has("force") {
		_, _ = h.ForceShutdown(asked)
		return nil
	}
	_, _ = h.Shutdown(asked)
	return nil
}

func (p *Panel) suspend(h Handle, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), orderTime)
	defer cancel()
	return h.Suspend(ctx, r.URL.Query().Get("server"))
}

func (p *Panel) resume(h Handle, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), orderTime)
	defer cancel()
	return h.Resume(ctx, r.URL.Query().Get("server"))
}

func (p *Panel) action(a Action) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := p.sameSite(r)
		if err == nil && !a.Open {
			err = p.authorised(r)
		}
		if err != nil {
			p.refuse(w, r, err)
			return
		}
		if err := a.Run(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		answerJSON(w, http.StatusAccepted, map[string]string{"done": a.Name})
	})
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
