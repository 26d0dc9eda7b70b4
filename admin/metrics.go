package admin

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/godrain/drain/messages"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("drain_"+name, help, labels, nil)
}

var (
	descUp          = desc("server_up", "0 if the server has failed and has not been unregistered.", "server")
	descConnections = desc("connections", "Open connections; busy ones have a unit of work in progress.", "server", "state")
	descOpened      = desc("connections_opened_total", "Connections adopted.", "server")
	descClosed      = desc("connections_closed_total", "Connections that have ended, by how they ended.", "server", "outcome")
	descRefused     = desc("connections_refused_total", "Connections accepted and closed unserved: late, after their server had gone, or failed.", "server", "reason")
	descRequests    = desc("requests_total", "Requests begun.", "server")
	descInFlight    = desc("requests_in_flight", "Handlers running.", "server")
	descLost        = desc("requests_lost_total", "Requests read and begun, and not answered in full.", "server")
	descAdoption    = desc("adoption_duration_seconds", "From a connection's being accepted to its being in its server's set.", "server")
	descPhase       = desc("phase", "1 for the phase that the tree is in.", "phase")
	descDeadline    = desc("deadline_timestamp_seconds", "When the drain must be over; 0 if there is none.")
	descDuration    = desc("duration_seconds", "How long the drain has taken so far, or took; 0 if there was none.")
	descPhaseTook   = desc("phase_duration_seconds", "How long each phase of the drain has taken.", "phase")
	descDropped     = desc("events_dropped_total", "Events that slow subscribers have missed.")
)

// Collector is the tree's metrics, for a registry of your own. A scrape reads
// counters: it costs the same with any number of connections.
func Collector(h Handle) prometheus.Collector { return collector{func() Handle { return h }} }

type collector struct{ tree func() Handle }

// Describe implements prometheus.Collector.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descUp, descConnections, descOpened, descClosed, descRefused, descRequests, descInFlight, descLost,
		descAdoption, descPhase, descDeadline, descDuration, descPhaseTook, descDropped,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	h := c.tree()
	if h == nil {
		return
	}
	v := h.Vitals()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	for _, s := range v.Servers {
		n := s.Counts
		gauge(descUp, one(!s.Failed), s.Name)
		gauge(descConnections, float64(n.Busy), s.Name, "busy")
		gauge(descConnections, float64(max(n.Open-n.Busy, 0)), s.Name, "idle")
		gauge(descInFlight, float64(n.InFlight), s.Name)
		counter(descOpened, n.Accepted, s.Name)
		counter(descRequests, n.Requests, s.Name)
		counter(descLost, n.Lost, s.Name)
		counter(descClosed, n.Drained, s.Name, messages.OutcomeDrained.String())
		counter(descClosed, n.Unanswered, s.Name, messages.OutcomeUnanswered.String())
		counter(descClosed, n.Killed, s.Name, messages.OutcomeKilled.String())
		counter(descClosed, n.Crashed, s.Name, messages.OutcomeCrashed.String())
		counter(descRefused, n.Late, s.Name, "late")
		counter(descRefused, n.Refused-n.Late, s.Name, "failed")
		to <- histogram(descAdoption, s.Adoption, s.Name)
	}
	for p := messages.PhaseStarting; p <= messages.PhaseDone; p++ {
		gauge(descPhase, one(p == v.Phase), p.String())
	}
	counter(descDropped, v.Dropped)
	collectDrain(gauge, v)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func collectDrain(gauge func(*prometheus.Desc, float64, ...string), v messages.Vitals) {
	began, end := v.Began(), time.Now()
	if began.IsZero() {
		gauge(descDeadline, 0)
		gauge(descDuration, 0)
		return
	}
	if done, over := v.Entered[messages.PhaseDone]; over {
		end = done
	}
	gauge(descDeadline, float64(v.Deadline.UnixNano())/1e9)
	gauge(descDuration, end.Sub(began).Seconds())
	for p := messages.PhaseKilling; p >= messages.PhaseAnnounced; p-- {
		if entered, ok := v.Entered[p]; ok {
			gauge(descPhaseTook, end.Sub(entered).Seconds(), p.String())
			end = entered
		}
	}
}

func histogram(d *prometheus.Desc, h messages.Histogram, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Bounds))
	var n uint64
	for i, count := range h.Counts {
		n += uint64(count)
		if i < len(h.Bounds) {
			buckets[h.Bounds[i].Seconds()] = n
		}
	}
	return prometheus.MustNewConstHistogram(d, n, h.Sum.Seconds(), buckets, labels...)
}

// metrics answers a scrape: ours, and what the options add.
func (p *Panel) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{p.tree})
	all := append(prometheus.Gatherers{registry}, p.options.Gatherers...)
	scrape := promhttp.HandlerFor(all, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		over := p.over()
		scrape.ServeHTTP(w, r)
		if over {
			poke(p.scraped)
		}
	})
}

// over reports whether there is a Report.
func (p *Panel) over() bool {
	h := p.tree()
	if h == nil {
		return false
	}
	select {
	case <-h.Done():
		return true
	default:
		return false
	}
}

// poke tells whoever waits on a channel of capacity one, if it is not told yet.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
