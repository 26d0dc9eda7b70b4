package drain_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// A handler that is blocked in Write when its connection is killed fails by the
// kill, and net/http closes the connection: that close is not its end in order.
func TestAResponseCutAtTheDeadlineIsKilledAndLost(t *testing.T) {
	writing := make(chan struct{})
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(writing)
		_, _ = w.Write(make([]byte, 64<<20))
	})}
	h, err := drain.Config{Timeout: 500 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}}.
		Start(context.Background(), servers.HTTP(srv))
	require.NoError(t, err)
	c, err := net.Dial("tcp", h.Addrs()["http"])
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	<-writing
	report, err := h.Shutdown(context.Background())
	require.ErrorIs(t, err, drain.ErrCut)
	sum := report.Sum()
	assert.Equal(t, 1, sum.Killed)
	assert.Equal(t, 1, sum.Lost)
	require.Len(t, report.Servers[0].Stragglers, 1)
}
