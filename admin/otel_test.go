package admin_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/godrain/drain"
	"github.com/godrain/drain/admin"
	"github.com/godrain/drain/servers"
)

// What docs/operations.md says of Proto.Actor's own metrics.
func TestTheFrameworksMetricsStayReachable(t *testing.T) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	require.NoError(t, err)
	provider := metric.NewMeterProvider(metric.WithReader(exporter))
	otel.SetMeterProvider(provider) // Proto.Actor asks for the global one
	system := actor.NewActorSystem(actor.WithMetricProviders(provider))

	quiet := slog.New(slog.DiscardHandler)
	h, err := drain.Config{System: system, Logger: quiet, Signals: []os.Signal{}}.
		Start(context.Background(), servers.HTTP(&http.Server{Addr: "127.0.0.1:0"}))
	require.NoError(t, err)
	panel := admin.Handler(h, admin.Options{Gatherers: []prometheus.Gatherer{registry}})
	a, err := panel.Listen("127.0.0.1:0")
	require.NoError(t, err)
	res, err := http.Get("http://" + a.String() + "/metrics")
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	_ = res.Body.Close()
	assert.Contains(t, string(body), "\nprotoactor_actor_spawn_count")
	assert.Contains(t, string(body), `drain_phase{phase="serving"} 1`)

	_, err = h.Shutdown(context.Background())
	require.NoError(t, err)
	require.NoError(t, panel.Close(context.Background()))
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, provider.Shutdown(context.Background()))
}
