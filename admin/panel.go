package admin

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Options of a Panel. The zero value reads and changes nothing.
type Options struct {
	// Token switches the orders on (POST /shutdown, /suspend, /resume) for whoever
	// sends it as "Authorization: Bearer <token>". At least 16 bytes; a shorter one
	// is not used, and that is logged. Empty, the default: orders are off.
	Token string
	// Hosts are names under which the panel may be asked for, beside localhost and
	// IP addresses: a page that has had its own name rebound to this address is
	// refused. "*" allows any.
	Hosts []string
	// Gatherers are more metrics for /metrics, such as
	// prometheus.DefaultGatherer, or what an OpenTelemetry exporter registers in.
	Gatherers []prometheus.Gatherer
	// AwaitScrape makes Close wait for a scrape of /metrics after the Report: the
	// counters of a process that exits at once are never seen.
	AwaitScrape bool
	// Actions are buttons of your own on the page.
	Actions []Action
	// Logger is told of orders, and of those refused. Default slog.Default().
	Logger *slog.Logger
}

// Action is a button on the page: POST /actions/<Name>.
type Action struct {
	// Name is a segment of that path, such as "reload-prices"; New panics if two have
	// the same. Label is what the button says.
	Name, Label string
	// Open needs no token. It is still refused to pages of other sites.
	Open bool
	// Run is called for each press, in the request's goroutine.
	Run func(ctx context.Context) error
}

// Panel is the admin's http.Handler.
type Panel struct {
	options Options
	log     *slog.Logger
	mux     *http.ServeMux
	handle  atomic.Pointer[Handle]
	sampler *sampler

	watching atomic.Int64  // streams open
	left     chan struct{} // the last of them has ended
	scraped  chan struct{} // /metrics was read after the Report
	server   atomic.Pointer[http.Server]
}

// Handler is the panel of a running tree. Under a prefix, wrap it in
// http.StripPrefix.
func Handler(h Handle, options ...Options) *Panel {
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	p := New(o)
	p.Watch(h)
	return p
}

// New is a panel of a tree that is not running yet: until Watch, /startupz and
// /readyz answer 503.
func New(o Options) *Panel {
	p := &Panel{options: o, log: o.Logger, left: make(chan struct{}, 1), scraped: make(chan struct{}, 1)}
	if p.log == nil {
		p.log = slog.Default()
	}
	if o.Token != "" && len(o.Token) < minToken {
		p.options.Token = ""
		p.log.Error("admin: the token is too short, orders stay switched off", "bytes", len(o.Token), "least", minToken)
	}
	p.sampler = newSampler(p)
	p.route()
	return p
}

// Watch names the tree. A later call replaces it.
func (p *Panel) Watch(h Handle) { p.handle.Store(&h) }

// tree is what is watched, nil before Watch.
func (p *Panel) tree() Handle {
	if h := p.handle.Load(); h != nil {
		return *h
	}
	return nil
}

func (p *Panel) route() {
	p.mux = http.NewServeMux()
	for _, method := range []string{http.MethodGet, http.MethodOptions} { // HAProxy's httpchk asks by OPTIONS
		p.mux.HandleFunc(method+" /livez", p.livez)
		p.mux.HandleFunc(method+" /readyz", p.readyz)
		p.mux.HandleFunc(method+" /startupz", p.startupz)
	}
	p.mux.Handle("GET /metrics", p.known(p.metrics()))
	p.mux.Handle("GET /status", p.known(http.HandlerFunc(p.status)))
	p.mux.Handle("GET /status/events", p.known(http.HandlerFunc(p.events)))
	p.mux.Handle("GET /", p.known(page()))
	p.mux.Handle("POST /shutdown", p.order("shutdown", p.shutdown, "force"))
	p.mux.Handle("POST /suspend", p.order("suspend", p.suspend, "server"))
	p.mux.Handle("POST /resume", p.order("resume", p.resume, "server"))
	for _, a := range p.options.Actions {
		p.mux.Handle("POST /actions/"+a.Name, p.action(a))
	}
}

// ServeHTTP implements http.Handler.
func (p *Panel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	p.mux.ServeHTTP(w, r)
}
