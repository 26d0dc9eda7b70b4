package servers_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/godrain/drain"
)

// A panic while the server drains is a request lost, and is reported as one.
func TestH2PanicInTheDrainIsReported(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	srv := h2Server(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(inside)
		<-release
		panic("on purpose")
	}), true)
	r := serveH2(t, srv, true, drain.Config{})
	c := dialH2(t, r.addr, true).listen()
	_, err := c.get("/panic")
	require.NoError(t, err)
	<-inside
	go func() {
		c.until(t, "the drain", func() bool { return len(c.goAways) > 0 })
		close(release)
		<-c.over
		c.close()
	}()
	report, err := r.Shutdown(context.Background())
	assert.ErrorIs(t, err, drain.ErrCut)
	assert.Equal(t, 1, report.Servers[0].Crashed, "%v", report)
	assert.Equal(t, 1, report.Servers[0].Lost)
	if assert.Len(t, report.Servers[0].Stragglers, 1) {
		assert.Equal(t, "GET /panic", report.Servers[0].Stragglers[0].Request)
	}
}

// A proxy panics when its client has cancelled the request. Nobody waits for that
// answer: nothing has crashed, and nothing is lost.
func TestH2ProxyWhoseClientCancelsHasNotCrashed(t *testing.T) {
	inside := make(chan struct{})
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/other" {
			slow(w, r)
			return
		}
		_ = http.NewResponseController(w).Flush()
		close(inside)
		<-r.Context().Done()
	}))
	defer back.Close()
	to, err := neturl.Parse(back.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.FlushInterval = -1
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	r := serveH2(t, h2Server(proxy, true), true, drain.Config{})
	c := dialH2(t, r.addr, true).listen()
	id, err := c.get("/stream")
	require.NoError(t, err)
	other, err := c.get("/other?ms=200")
	require.NoError(t, err)
	<-inside
	go func() {
		c.until(t, "the drain", func() bool { return len(c.goAways) > 0 })
		_ = c.write(func() error { return c.framer.WriteRSTStream(id, http2.ErrCodeCancel) })
		<-c.over
		c.close()
	}()
	r.drains(t)
	assert.Equal(t, answer, string(c.streams[other].body))
}

// Whoever returns because the deadline has cancelled his request has not answered it,
// though he ends his response in order: it is lost, and named.
func TestARequestThatTheDeadlineEndsIsLost(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		inside := make(chan struct{})
		srv := h2Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "the first of many rows")
			_ = http.NewResponseController(w).Flush()
			close(inside)
			<-r.Context().Done()
		}), false)
		r := serveH2(t, srv, false, drain.Config{Timeout: 400 * time.Millisecond * slack})
		if http2 {
			_, err := dialH2(t, r.addr, false).listen().get("/rows?of=100")
			require.NoError(t, err)
		} else {
			l := dialLine(t, "tcp", r.addr)
			defer l.Close()
			l.send("GET /rows?of=100 HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		<-inside
		report, err := r.Shutdown(context.Background())
		assert.ErrorIs(t, err, drain.ErrCut)
		s := report.Servers[0]
		assert.Equal(t, []int{1, 1}, []int{s.Drained, s.Lost}, "%v", report)
		if assert.Len(t, s.Stragglers, 1) {
			assert.True(t, s.Stragglers[0].Lost)
			assert.Equal(t, "GET /rows", s.Stragglers[0].Request)
		}
	}
}

// Nobody asks the connections of a server whose actor was stopped: what they lose is
// counted nevertheless, request by request.
func TestEachRequestIsLostThatIsCutWithItsServersActor(t *testing.T) {
	const streams = 5
	inside, release := make(chan struct{}, streams), make(chan struct{})
	srv := h2Server(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		inside <- struct{}{}
		<-release
	}), false)
	r := serveH2(t, srv, false, drain.Config{})
	c := dialH2(t, r.addr, false).listen()
	for range streams {
		_, err := c.get("/held")
		require.NoError(t, err)
	}
	for range streams {
		<-inside
	}
	status, err := r.Status(t.Context())
	require.NoError(t, err)
	r.System().Root.Stop(status.Servers[0].Server)
	report, err := r.Wait()
	close(release)
	require.ErrorIs(t, err, drain.ErrCut)
	assert.Equal(t, streams, report.Sum().Lost, "%v", report)
	assert.Equal(t, 1, report.Sum().Crashed, "%v", report)
}
