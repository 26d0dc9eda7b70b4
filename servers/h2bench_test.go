package servers_test

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// BenchmarkH2 is one request after the other on one HTTP/2 connection, with the
// client in the same process: the columns bare and managed are to be compared.
func BenchmarkH2(b *testing.B) {
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	run := func(b *testing.B, addr string) {
		c := h2Transport(b, true)
		b.ReportAllocs()
		for b.Loop() {
			resp, err := c.Get(url(addr, true, "/"))
			require.NoError(b, err)
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
	b.Run("bare", func(b *testing.B) { run(b, bareH2(b, h2Server(hello, true), true)) })
	b.Run("x-net", func(b *testing.B) {
		srv := h2Server(hello, true)
		_ = http2.ConfigureServer(srv, &http2.Server{}) //nolint:staticcheck // what we serve with
		run(b, bareH2(b, srv, true))
	})
	b.Run("managed", func(b *testing.B) {
		h, err := drain.Config{Signals: []os.Signal{}, Logger: slog.New(slog.DiscardHandler)}.Start(b.Context(), servers.HTTP(h2Server(hello, true)))
		require.NoError(b, err)
		for _, addr := range h.Addrs() {
			run(b, addr)
		}
		_, _ = h.Shutdown(b.Context())
	})
}
