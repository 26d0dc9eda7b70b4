package admin

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"

	"github.com/godrain/drain/messages"
)

func server(name string, n messages.Counts) messages.ServerVitals {
	return messages.ServerVitals{Name: name, Counts: n, Adoption: messages.Histogram{
		Bounds: []time.Duration{time.Millisecond, time.Second}, Counts: []int64{5, 1, 2}, Sum: 3 * time.Second,
	}}
}

func TestMetricsSayWhatTheCountersSay(t *testing.T) {
	t.Parallel()
	f := newFake(messages.PhaseKilling, server("http", messages.Counts{
		Open: 7, Busy: 3, InFlight: 2, Accepted: 40, Requests: 99, Drained: 20, Unanswered: 4, Killed: 5, Crashed: 6,
		Refused: 3, Late: 2, Lost: 1,
	}))
	_, body := ask(t, Handler(f), "GET", "/metrics", "Host", "localhost")
	for _, line := range []string{
		`drain_connections{server="http",state="busy"} 3`,
		`drain_connections{server="http",state="idle"} 4`,
		`drain_connections_opened_total{server="http"} 40`,
		`drain_connections_closed_total{outcome="drained",server="http"} 20`,
		`drain_connections_closed_total{outcome="unanswered",server="http"} 4`,
		`drain_connections_closed_total{outcome="killed",server="http"} 5`,
		`drain_connections_closed_total{outcome="crashed",server="http"} 6`,
		`drain_connections_refused_total{reason="late",server="http"} 2`,
		`drain_connections_refused_total{reason="failed",server="http"} 1`,
		`drain_requests_total{server="http"} 99`,
		`drain_requests_in_flight{server="http"} 2`,
		`drain_requests_lost_total{server="http"} 1`,
		`drain_adoption_duration_seconds_bucket{server="http",le="0.001"} 5`,
		`drain_adoption_duration_seconds_bucket{server="http",le="1"} 6`,
		`drain_adoption_duration_seconds_bucket{server="http",le="+Inf"} 8`,
		`drain_phase{phase="killing"} 1`,
		`drain_phase{phase="serving"} 0`,
		`drain_events_dropped_total 0`,
	} {
		assert.Contains(t, body, line+"\n")
	}
}

func TestGatherersAreAdded(t *testing.T) {
	t.Parallel()
	mine := prometheus.NewRegistry()
	mine.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "mine", Help: "Mine."}))
	p := Handler(newFake(messages.PhaseServing), Options{Gatherers: []prometheus.Gatherer{mine}})
	_, body := ask(t, p, "GET", "/metrics", "Host", "localhost")
	assert.Contains(t, body, "\nmine 0\n")
	assert.Contains(t, body, `drain_phase{phase="serving"} 1`)
}

func BenchmarkScrape(b *testing.B) {
	r := prometheus.NewRegistry()
	r.MustRegister(Collector(newFake(messages.PhaseServing, server("http", messages.Counts{}), server("https", messages.Counts{}))))
	for b.Loop() {
		_, _ = r.Gather()
	}
}
