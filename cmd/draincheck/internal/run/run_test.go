//go:build unix

package run

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain/cmd/draincheck/internal/scenario"
	"github.com/godrain/drain/cmd/draincheck/internal/target"
	"github.com/godrain/drain/cmd/draincheck/internal/testserver"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

func TestMain(m *testing.M) {
	testserver.Main()
	goleak.VerifyTestMain(m)
}

// runner tests a process of this test binary under the named scenarios.
func runner(t *testing.T, mode testserver.Mode, names ...string) *Runner {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	l.Close()
	for _, kv := range testserver.Env(mode, addr) {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
	at := func(path string) *url.URL { return &url.URL{Scheme: "http", Host: addr, Path: path} }
	r := &Runner{
		Plan: &scenario.Plan{
			Method: "POST", Body: "x", Conns: 16, Think: 2 * time.Millisecond, RTT: 10 * time.Millisecond,
			Timeout: 10 * time.Second, MaxRequests: 10_000, URL: at("/echo"), Slow: at("/slow"),
		},
		Spec: &target.Spec{
			Command: []string{os.Args[0]}, Signal: syscall.SIGTERM, Addrs: []string{addr}, StartTimeout: 10 * time.Second,
			Ready: func(ctx context.Context) error {
				c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
				if err == nil {
					c.Close()
				}
				return err
			},
		},
		Trials: 1,
	}
	for _, s := range scenario.All() {
		for _, name := range names {
			if s.Name == name {
				r.Scenarios = append(r.Scenarios, s)
			}
		}
	}
	require.Len(t, r.Scenarios, len(names))
	return r
}

func only(t *testing.T, r *Runner) *verdict.Result {
	t.Helper()
	results := r.Run(t.Context())
	require.Len(t, results, 1)
	return results[0]
}

func TestACleanServerIsCalledClean(t *testing.T) {
	r := runner(t, testserver.Clean, "keepalive", "rtt", "newconn", "sse")
	r.Trials = 2
	for _, res := range r.Run(t.Context()) {
		if res.Name == "sse" {
			assert.Equal(t, verdict.NotRun, res.Status())
			continue
		}
		assert.Equal(t, verdict.Clean, res.Status(), "%s: %v %+v", res.Name, res.Err, res.Tally)
		assert.Equal(t, 2, res.Trials)
		assert.Len(t, res.ToExit, 2)
		assert.Empty(t, res.Notes)
	}
	assert.Equal(t, 6, r.Stops())
}

// TestCleanStops finds nothing where nothing is lost, 50 times. The long version of it:
//
//	DRAINCHECK_STOPS=1000 go test ./cmd/draincheck/internal/run -run TestCleanStops -v -timeout 30m
func TestCleanStops(t *testing.T) {
	stops := 50
	if env := os.Getenv("DRAINCHECK_STOPS"); env != "" {
		var err error
		stops, err = strconv.Atoi(env)
		require.NoError(t, err)
	}
	r := runner(t, testserver.Clean, "keepalive", "rtt", "blind", "pipelining", "firstrequest")
	r.Plan.Slow = nil // the pipelines then run all the time
	r.Trials = stops / len(r.Scenarios)
	sum, requests := 0, 0
	for _, res := range r.Run(t.Context()) {
		assert.Equal(t, verdict.Clean, res.Status(), "%s: %v %+v", res.Name, res.Err, res.Tally)
		sum += res.Trials
		requests += res.Tally.Written()
	}
	assert.Equal(t, stops, sum)
	t.Logf("%d stops, %d requests", sum, requests)
}

func TestALossyServerIsCalledLossy(t *testing.T) {
	res := only(t, runner(t, testserver.ResetAll, "inflight"))
	assert.Equal(t, verdict.Lossy, res.Status())
	assert.Equal(t, 16, res.Tally.Of(verdict.LostReset))
	assert.NotNil(t, res.Picture)
}

func TestAServerThatIgnoresTheSignal(t *testing.T) {
	r := runner(t, testserver.Ignore, "keepalive")
	r.Plan.Timeout = 400 * time.Millisecond
	res := only(t, r)
	assert.Equal(t, verdict.Hung, res.Status())
	assert.Zero(t, res.Tally.Lost(), "it answers everything, and the load ends before it is killed")
	require.Len(t, res.Notes, 1)
	assert.Contains(t, res.Notes[0], "it ignores it")
	assert.Contains(t, res.Output, "testserver: ignore")
}

func TestAServerThatHangs(t *testing.T) {
	r := runner(t, testserver.Hang, "inflight")
	r.Plan.Timeout = 400 * time.Millisecond
	res := only(t, r)
	assert.Equal(t, verdict.Hung, res.Status())
	assert.Equal(t, 16, res.Tally.Of(verdict.LostTimedOut))
	require.Len(t, res.Notes, 1)
	assert.Contains(t, res.Notes[0], "closed its listener")
}

// A client may hear nothing of the server's end: its connection was established on its own side alone, say, and lay in
// a queue that was full. It stays until -timeout is over; the server has not.
func TestAServerThatHasExitedDoesNotHangBecauseAClientStays(t *testing.T) {
	r := runner(t, testserver.NoHandler, "silent")
	r.Plan.Timeout, r.Trials = 300*time.Millisecond, 10 // in each trial it was called hung or not by chance
	stays := *r.Scenarios[0]
	stays.Settle = 0
	stays.Play = func(c *scenario.Client) {
		c.Ready()
		c.AwaitSignal()
		c.Pause(r.Plan.Timeout + 10*time.Millisecond)
	}
	r.Scenarios = []*scenario.Scenario{&stays}
	res := only(t, r)
	require.NoError(t, res.Err)
	assert.Zero(t, res.HungTrials)
	require.Len(t, res.Notes, 1)
	assert.Contains(t, res.Notes[0], "died of SIGTERM")
}

func TestAStopCommandThatFails(t *testing.T) {
	r := runner(t, testserver.Clean, "inflight")
	r.Plan.Timeout = 300 * time.Millisecond
	r.Spec.StopCmd = "echo no such service; exit 5"
	require.ErrorContains(t, only(t, r).Err, "no such service")
}

func TestAServerThatCrashesUnderLoad(t *testing.T) {
	res := only(t, runner(t, testserver.CrashUnderLoad, "keepalive"))
	assert.Equal(t, verdict.Failed, res.Status())
	require.ErrorContains(t, res.Err, "crashed, or exited, before the signal: exit status 2")
	var failed *verdict.Failure
	require.ErrorAs(t, res.Err, &failed)
	assert.Contains(t, failed.Output, "panic: a bug")
}

func TestAServerThatCannotBeStarted(t *testing.T) {
	results := runner(t, testserver.CrashAtStart, "keepalive", "idle").Run(t.Context())
	require.ErrorContains(t, results[0].Err, "exit status 3")
	require.ErrorIs(t, results[1].Err, errNoStart, "once is enough")
}

func TestAServerThatExitsAtOnce(t *testing.T) {
	res := only(t, runner(t, testserver.NoHandler, "inflight"))
	assert.Equal(t, 16, res.Tally.Lost())
	require.Len(t, res.Notes, 1)
	assert.Contains(t, res.Notes[0], "died of SIGTERM: it doesn't handle it")
}

func TestAnInterruptedRunTellsWhatIsKnown(t *testing.T) {
	r := runner(t, testserver.Clean, "keepalive", "newconn", "idle")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.Progress = func(*verdict.Result) { cancel() }
	results := r.Run(ctx)
	assert.Equal(t, verdict.Clean, results[0].Status())
	require.ErrorIs(t, results[1].Err, ErrInterrupted)
	require.ErrorIs(t, results[2].Err, ErrInterrupted)
}

func TestExecutedRequestsAreCountedFromTheOutput(t *testing.T) {
	r := runner(t, testserver.ResetAll, "inflight")
	r.Counter = &Counter{Output: regexp.MustCompile(`executed (\d+)`)}
	res := only(t, r)
	require.NoError(t, res.Err)
	assert.True(t, res.Counted)
	assert.Equal(t, 16, res.Unanswered, "all were executed, none was answered")

	r.Counter.Output = regexp.MustCompile(`no such line (\d+)`)
	require.ErrorContains(t, only(t, r).Err, "nothing in the server's output matches")
}

func TestExecutedRequestsAreCountedFromAURL(t *testing.T) {
	var n atomic.Int64
	n.Store(100)
	answers := []string{"100", "116\n"}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(answers[n.Add(1)-101]))
	}))
	defer backend.Close()
	u, err := url.Parse(backend.URL)
	require.NoError(t, err)
	r := runner(t, testserver.ResetAll, "inflight")
	r.Counter = &Counter{URL: u}
	res := only(t, r)
	require.NoError(t, res.Err)
	assert.Equal(t, 16, res.Unanswered)
}
