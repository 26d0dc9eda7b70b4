//go:build unix

package scenario

import (
	"context"
	"crypto/tls"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain/cmd/draincheck/internal/testserver"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

func TestMain(m *testing.M) {
	// These tests wait for servers and deadlines far more than they compute.
	flag.Parse()
	flag.Set("test.parallel", "4")
	goleak.VerifyTestMain(m)
}

// local is a server in this process: it stops and "exits" without a signal.
type local struct {
	addr   string
	scheme string
	stop   func()
	exited chan struct{}
}

func (l *local) Stop(context.Context) (time.Time, error) {
	at := time.Now()
	l.stop()
	return at, nil
}

func (l *local) Exited() <-chan struct{} { return l.exited }

// testConns is few, so that the tests hold on a machine that has other things to do.
const testConns = 8

// rude is a server that cuts early answers without being stopped.
const rude testserver.Mode = "rude"

func serve(t *testing.T, mode testserver.Mode, secure bool) *local {
	t.Helper()
	l, err := testserver.Listen("127.0.0.1:0")
	require.NoError(t, err)
	stopping, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	s := &testserver.Server{Mode: mode, Rude: mode == rude}
	srv := &local{addr: l.Addr().String(), scheme: "http", stop: stop, exited: make(chan struct{})}
	if secure {
		s.TLS = certificate(t)
		srv.scheme = "https"
	}
	go func() {
		defer close(srv.exited)
		s.Serve(l, stopping)
	}()
	t.Cleanup(func() { stop(); <-srv.exited })
	return srv
}

// certificate borrows that of httptest.
func certificate(t *testing.T) *tls.Config {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	config := s.TLS.Clone()
	config.NextProtos = []string{"http/1.1"}
	return config
}

func (l *local) url(t *testing.T, path string) *url.URL {
	u, err := url.Parse(l.scheme + "://" + l.addr + path)
	require.NoError(t, err)
	return u
}

func (l *local) plan(t *testing.T) *Plan {
	p := &Plan{
		Method: "POST", Body: "x", Conns: testConns, Think: 4 * time.Millisecond, RTT: 10 * time.Millisecond,
		Timeout: time.Minute, MaxRequests: 10_000,
		URL: l.url(t, "/echo"), Slow: l.url(t, "/slow?ms=400"), Stream: l.url(t, "/stream?ms=100"),
		Download: l.url(t, "/download?mb=4"), Early: l.url(t, "/early"), WS: l.url(t, "/ws"), WSBig: l.url(t, "/ws/big?mb=4"),
		SSE: l.url(t, "/events"),
	}
	if l.scheme == "https" {
		p.TLS = p.URL
	}
	return p
}

func play(t *testing.T, s *Scenario, p *Plan, srv Server) verdict.Trial {
	t.Helper()
	trial, err := s.Run(t.Context(), p, srv)
	require.NoError(t, err)
	require.Zero(t, trial.Early, "failures before the signal")
	return trial
}

// several plays a scenario on fresh servers and adds up the counts: what one stop may miss, some will show.
func several(t *testing.T, s *Scenario, mode testserver.Mode) verdict.Tally {
	var sum verdict.Tally
	for range 2 {
		srv := serve(t, mode, slices.Contains([]*Scenario{tlsKeepAlive, tlsInFlight, tlsSilent}, s))
		trial := play(t, s, srv.plan(t), srv)
		sum.Merge(trial.Tally)
	}
	return sum
}

// netHTTP is net/http's server, with a way to stop it.
func netHTTP(t *testing.T, secure bool, stop func(*http.Server)) *local {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(400 * time.Millisecond) // a request in progress is the subject
		}
		w.Write([]byte("x"))
	}))
	scheme := "http"
	if secure {
		scheme = "https"
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	exited := make(chan struct{})
	return &local{addr: s.Listener.Addr().String(), scheme: scheme, exited: exited, stop: func() {
		go func() {
			defer close(exited)
			stop(s.Config)
		}()
	}}
}
