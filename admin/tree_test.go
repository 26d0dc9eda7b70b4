package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/admin"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

var _ admin.Handle = (*drain.Handle)(nil)

// tree is a real one, with a handler that answers when the test says so.
type tree struct {
	*drain.Handle
	panel   *admin.Panel
	url     string        // of the panel
	addr    string        // of the server
	begun   chan struct{} // a request has begun
	release chan struct{}
}

func start(t *testing.T, timeout time.Duration) *tree {
	t.Helper()
	tr := &tree{begun: make(chan struct{}, 100), release: make(chan struct{})}
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tr.begun <- struct{}{}
		<-tr.release
		_, _ = io.WriteString(w, "done")
	})}
	quiet := slog.New(slog.DiscardHandler)
	h, err := drain.Config{Timeout: timeout, Logger: quiet, Signals: []os.Signal{}}.Start(context.Background(), servers.HTTP(srv))
	require.NoError(t, err)
	tr.Handle, tr.addr = h, h.Addrs()["http"]
	tr.panel = admin.Handler(h, admin.Options{Logger: quiet})
	a, err := tr.panel.Listen("127.0.0.1:0")
	require.NoError(t, err)
	tr.url = "http://" + a.String()
	t.Cleanup(func() {
		tr.let()
		_, _ = h.ForceShutdown(context.Background())
		_ = tr.panel.Close(t.Context())
		http.DefaultClient.CloseIdleConnections()
	})
	return tr
}

// let lets all requests be answered.
func (tr *tree) let() {
	select {
	case <-tr.release:
	default:
		close(tr.release)
	}
}

// hold opens a connection and begins a request on it.
func (tr *tree) hold(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", tr.addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	<-tr.begun
	return c
}

func (tr *tree) status(t *testing.T, query string) (st statusJSON) {
	t.Helper()
	res, err := http.Get(tr.url + "/status" + query)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, 200, res.StatusCode)
	require.NoError(t, json.NewDecoder(res.Body).Decode(&st))
	return st
}

// statusJSON is /status as a client reads it.
type statusJSON struct {
	Phase   string        `json:"phase"`
	Left    time.Duration `json:"left"`
	Servers []struct {
		Name        string           `json:"name"`
		Addr        string           `json:"addr"`
		Counts      messages.Counts  `json:"counts"`
		States      messages.States  `json:"states"`
		Oldest      []connectionJSON `json:"oldest"`
		Connections []connectionJSON `json:"connections"`
		IDs         []int64          `json:"ids"`
		Cells       string           `json:"cells"`
	} `json:"servers"`
	Report *struct {
		Took    time.Duration `json:"took"`
		Servers []struct {
			Drained, Killed, Lost int
			Stragglers            []connectionJSON
		} `json:"servers"`
	} `json:"report"`
}

type connectionJSON struct {
	ID       int64         `json:"id"`
	Peer     string        `json:"peer"`
	Request  string        `json:"request"`
	Protocol string        `json:"protocol"`
	State    string        `json:"state"`
	Age      time.Duration `json:"age"`
	Read     int64         `json:"bytes_read"`
}

func TestStatusNamesWhatIsBusy(t *testing.T) {
	tr := start(t, time.Minute)
	c := tr.hold(t, "/report?secret=1")
	st := tr.status(t, "?each=10")
	require.Len(t, st.Servers, 1)
	s := st.Servers[0]
	assert.Equal(t, "serving", st.Phase)
	assert.Equal(t, tr.addr, s.Addr)
	assert.Equal(t, int64(1), s.States.Busy)
	require.Len(t, s.Oldest, 1)
	assert.Equal(t, "GET /report", s.Oldest[0].Request, "without the query")
	assert.Equal(t, c.LocalAddr().String(), s.Oldest[0].Peer)
	assert.Equal(t, "HTTP/1.1", s.Oldest[0].Protocol)
	assert.Positive(t, s.Oldest[0].Read)
	assert.Len(t, s.Connections, 1)
	tr.let()
}

func TestStatusRefusesNonsense(t *testing.T) {
	tr := start(t, time.Minute)
	for _, query := range []string{"?oldest=x", "?each=-1", "?oldest=1000000"} {
		res, err := http.Get(tr.url + "/status" + query)
		require.NoError(t, err)
		_ = res.Body.Close()
		assert.Equal(t, 400, res.StatusCode)
	}
}

func TestStatusAfterTheDrainHasTheReport(t *testing.T) {
	tr := start(t, 300*time.Millisecond)
	tr.hold(t, "/slow")
	_, err := tr.Shutdown(context.Background())
	require.Error(t, err)
	st := tr.status(t, "")
	assert.Equal(t, "done", st.Phase)
	require.NotNil(t, st.Report)
	assert.Equal(t, 1, st.Report.Servers[0].Killed+st.Report.Servers[0].Drained)
	assert.Equal(t, tr.addr, st.Servers[0].Addr)
	assert.Zero(t, st.Servers[0].Counts.Open)
}

// stream reads a panel's events.
type stream struct {
	*bufio.Scanner
	body io.Closer
}

func (tr *tree) watch(t *testing.T) stream {
	t.Helper()
	res, err := http.Get(tr.url + "/status/events")
	require.NoError(t, err)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	s := stream{bufio.NewScanner(res.Body), res.Body}
	s.Buffer(nil, 1<<20)
	t.Cleanup(func() { _ = res.Body.Close() })
	return s
}

// until reads frames until one satisfies.
func (s stream) until(t *testing.T, wanted func(statusJSON) bool) (st statusJSON, size int) {
	t.Helper()
	event := ""
	for s.Scan() {
		line := s.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok || event != "status" {
			continue
		}
		st = statusJSON{}
		require.NoError(t, json.Unmarshal([]byte(data), &st))
		if wanted(st) {
			return st, len(data)
		}
	}
	require.Fail(t, "the stream ended before that")
	return st, 0
}

func TestTheStreamShowsConnectionsAndEndsWithTheReport(t *testing.T) {
	tr := start(t, 10*time.Second)
	s := tr.watch(t)
	s.until(t, func(st statusJSON) bool { return st.Phase == "serving" })
	tr.hold(t, "/one")
	st, _ := s.until(t, func(st statusJSON) bool { return st.Servers[0].States.Busy == 1 })
	assert.Equal(t, "b", st.Servers[0].Cells)
	assert.Len(t, st.Servers[0].IDs, 1)

	go func() { _, _ = tr.Shutdown(context.Background()) }()
	st, _ = s.until(t, func(st statusJSON) bool { return st.Phase == "draining" })
	assert.Positive(t, st.Left)
	tr.let()

	// A process that exits closes the panel: whoever watches has the Report first.
	_, err := tr.Wait()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	require.NoError(t, tr.panel.Close(ctx))
	require.NoError(t, ctx.Err())
	st, _ = s.until(t, func(st statusJSON) bool { return st.Report != nil })
	assert.Equal(t, 1, st.Report.Servers[0].Drained)
	assert.False(t, s.Scan() && s.Text() != "", "nothing follows the Report")
}

func TestFramesStaySmall(t *testing.T) {
	tr := start(t, time.Minute)
	for range 90 {
		tr.hold(t, "/some/path/of/ordinary/length")
	}
	s := tr.watch(t)
	_, size := s.until(t, func(st statusJSON) bool { return st.Servers[0].States.Busy == 90 })
	assert.Less(t, size, 8<<10)
	tr.let()
}

func TestCloseWaitsForNobody(t *testing.T) {
	tr := start(t, time.Minute)
	_, err := tr.Shutdown(context.Background())
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, tr.panel.Close(t.Context()))
	assert.Less(t, time.Since(began), 100*time.Millisecond)
}

func TestCloseAwaitsAScrape(t *testing.T) {
	tr := start(t, time.Minute)
	panel := admin.Handler(tr.Handle, admin.Options{AwaitScrape: true})
	a, err := panel.Listen("127.0.0.1:0")
	require.NoError(t, err)
	_, err = tr.Shutdown(context.Background())
	require.NoError(t, err)
	closed := make(chan error, 1)
	go func() { closed <- panel.Close(context.Background()) }()
	res, err := http.Get("http://" + a.String() + "/metrics")
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	require.NoError(t, err)
	assert.Contains(t, string(body), `drain_phase{phase="done"} 1`)
	require.NoError(t, <-closed)
}

func TestListenWarnsOfOpenAddresses(t *testing.T) {
	var log strings.Builder
	panel := admin.New(admin.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	_, err := panel.Listen("0.0.0.0:0")
	require.NoError(t, err)
	require.NoError(t, panel.Close(t.Context()))
	assert.Contains(t, log.String(), "OPEN TO THE NETWORK")
}
