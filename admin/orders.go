package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godrain/drain/messages"
)

// orderTime bounds the wait for a server to be suspended or resumed.
const orderTime = 10 * time.Second

// order lets through what comes with the token, from no other site, and with no
// parameters but those that it knows.
func (p *Panel) order(name string, do func(h Handle, r *http.Request) error, knows ...string) http.Handler {
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
		if err := parameters(r, knows...); err != nil {
			http.Error(w, "admin: "+err.Error(), http.StatusBadRequest)
			return
		}
		// The query is not logged as it is: somebody may have put the token there too.
		q := r.URL.Query()
		forced, _ := flag(r, "force")
		log := p.log.With("what", name, "server", q.Get("server"), "force", forced, "peer", r.RemoteAddr)
		log.Warn("admin: ordered")
		if err := do(h, r); err != nil {
			log.Error("admin: the order failed", "error", err)
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		answerJSON(w, http.StatusAccepted, struct {
			Ordered string         `json:"ordered"`
			Phase   messages.Phase `json:"phase"`
		}{name, h.Vitals().Phase})
	})
}

// parameters says what is wrong with the parameters: one that is not among these, or is
// there twice, or a flag that is neither yes nor no. What somebody else would have meant
// by it is not guessed, in an order.
func parameters(r *http.Request, names ...string) error {
	for name, values := range r.URL.Query() {
		if !slices.Contains(names, name) {
			return fmt.Errorf("there is no parameter %q here; there are: %s", name, strings.Join(names, ", "))
		}
		if len(values) > 1 {
			return fmt.Errorf("%s is given %d times: once is what can be done", name, len(values))
		}
	}
	_, err := flag(r, "force")
	return err
}

// flag is a parameter that is there ("?force") or says so ("?force=true", "?force=0").
func flag(r *http.Request, name string) (bool, error) {
	q := r.URL.Query()
	if !q.Has(name) || q.Get(name) == "" {
		return q.Has(name), nil
	}
	yes, err := strconv.ParseBool(q.Get(name))
	if err != nil {
		return false, fmt.Errorf("%s=%q: it must be true or false", name, q.Get(name))
	}
	return yes, nil
}

// shutdown asks, and does not wait: the stream and /status tell how it goes.
func (p *Panel) shutdown(h Handle, r *http.Request) error {
	asked, cancel := context.WithCancel(context.Background())
	cancel()
	if forced, _ := flag(r, "force"); forced {
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
