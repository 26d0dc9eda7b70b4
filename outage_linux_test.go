package drain_test

import (
	"bufio"
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
	"golang.org/x/sys/unix"

	"github.com/godrain/drain"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

// reappear is the end of vanish.
func reappear(t *testing.T, nc net.Conn) {
	raw, err := nc.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	}))
	require.NoError(t, err)
}

// outage is a client that has been served once, and whose network is gone when the drain
// begins. It sends a request all the same, which arrives when the farewell is out.
func outage(t *testing.T, timeout time.Duration) (client net.Conn, report <-chan messages.Report) {
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	config := drain.Config{Timeout: timeout, Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}}
	config.IdleGrace, config.Linger, config.CloseTimeout = 50*time.Millisecond, 100*time.Millisecond, 4*time.Second
	h, err := config.Start(context.Background(), servers.HTTP(srv))
	require.NoError(t, err)
	client, err = net.Dial("tcp", h.Addrs()["http"])
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	require.NoError(t, client.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(client, "GET / HTTP/1.1\r\nHost: test\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(client), nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)

	vanish(t, client)
	reports := make(chan messages.Report, 1)
	go func() {
		r, _ := h.Shutdown(context.Background())
		reports <- r
	}()
	// How long the network is gone is the subject: several times Linger.
	time.Sleep(config.IdleGrace + 5*config.Linger)
	_, err = io.WriteString(client, "GET /again HTTP/1.1\r\nHost: test\r\n\r\n")
	require.NoError(t, err)
	return client, reports
}

// A network that is gone for longer than Linger does not cost a request: what crosses a
// farewell that was not acknowledged would be answered by a reset.
func TestP1_AFarewellOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	client, reports := outage(t, 20*time.Second)
	reappear(t, client)
	r := bufio.NewReader(client)
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
	_ = resp.Body.Close()
	_, err = r.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	_ = client.Close()
	report := <-reports
	require.NoError(t, report.Err())
	assert.Equal(t, 1, report.Sum().Drained, report)
}

// Who is gone for good is waited for until half of the time is over, and nobody claims
// that it was drained.
func TestP7_WhoTakesNoFarewellIsUnanswered(t *testing.T) {
	t.Parallel()
	_, reports := outage(t, 4*time.Second)
	report := <-reports
	require.NoError(t, report.Err())
	assert.Equal(t, []int{0, 1}, []int{report.Sum().Drained, report.Sum().Unanswered}, report)
	assert.Less(t, report.Took, 3*time.Second)
}

// However long Linger is, half of the time is half of it; and if the deadline comes before
// that is seen, nobody is killed, or has lost a request.
func TestP4_WhoIsGoneIsWaitedForUntilHalfOfTheTimeIsOver(t *testing.T) {
	for name, c := range map[string]struct{ timeout, within time.Duration }{
		"half of the time": {8 * time.Second, 5 * time.Second},
		"the deadline":     {1500 * time.Millisecond, 1500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := drain.Config{Timeout: c.timeout, Signals: []os.Signal{}}
			config.IdleGrace, config.Linger = 50*time.Millisecond, 3*time.Second
			r := start(t, config, false)
			gone := r.dial().get("/hello")
			resp, err := http.ReadResponse(gone.r, nil)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, resp.Body)
			vanish(t, gone.raw)
			report := r.report(r.shutdown())
			require.NoError(t, report.Err())
			assert.Equal(t, []int{0, 1}, []int{report.Sum().Killed, report.Sum().Unanswered}, report)
			assert.LessOrEqual(t, report.Took, c.within)
		})
	}
}

// A tunnel whose peer is gone for good has not taken everything either.
func TestP7_ATunnelWhosePeerHasVanishedIsUnanswered(t *testing.T) {
	t.Parallel()
	config := drain.Config{Timeout: 2 * time.Second, Signals: []os.Signal{}}
	config.IdleGrace, config.Linger = 50*time.Millisecond, 100*time.Millisecond
	r := start(t, config, false)
	tunnel := r.dial().get("/hijack")
	_, err := tunnel.r.ReadString('\n')
	require.NoError(t, err)
	vanish(t, tunnel.raw)
	report := r.report(r.shutdown())
	require.NoError(t, report.Err())
	assert.Equal(t, []int{0, 1}, []int{report.Sum().Drained, report.Sum().Unanswered}, report)
	assert.Less(t, report.Took, 1900*time.Millisecond)
}
