//go:build unix

package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain/cmd/draincheck/internal/testserver"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

func TestMain(m *testing.M) {
	testserver.Main()
	// The handler of signals that package os/signal starts is never stopped.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("os/signal.loop"))
}

const someURL = "http://127.0.0.1:1/echo"

func TestWhatIsRefused(t *testing.T) {
	for args, want := range map[string]string{
		"":                              "give at least -url",
		"-url " + someURL:               "what is to be stopped",
		"-url " + someURL + " ./server": `comes after "--"`,
		"-url " + someURL + " -json out.json -- x":             "-json=FILE",
		"-url " + someURL + " -pid 5 -- x":                     "not both",
		"-url " + someURL + " -pid 1":                          "not a server",
		"-url http://192.0.2.1/ -- x":                          "-i-own-this-host",
		"-url " + someURL + " -ws-url http://192.0.2.1/ -- x":  "-i-own-this-host",
		"-url 127.0.0.1:8080 -- x":                             "parse",
		"-url ftp://127.0.0.1/ -- x":                           "want something like",
		"-url " + someURL + " -scenario nonsense -- x":         `no scenario "nonsense"`,
		"-url " + someURL + " -trials 0 -- x":                  "-trials",
		"-url " + someURL + " -conns 100000 -- x":              "-conns",
		"-url " + someURL + " -timeout 1h -- x":                "-timeout",
		"-url " + someURL + " -think -1s -- x":                 "negative",
		"-url " + someURL + " -signal KILL -- x":               "unknown signal",
		"-url " + someURL + " -count-output nothing-here -- x": "no group",
		"-url " + someURL + " -max-lost -1 -- x":               "negative",
		"-url " + someURL + " -json -junit -- x":               "only one of them",
		"-url " + someURL + " -method GET/ -- x":               "-method",
		"-url " + someURL + " -signal INT -stop-cmd x -- x":    "not both",
		"-url " + someURL + " -scenario= -- x":                 `no scenario ""`,
		"-tls-url " + someURL + " -- x":                        "want something like https://",
		"-tls-base http://127.0.0.1:1 -- x":                    "want something like https://",
		"-nonsense":                                            "not defined",
	} {
		_, err := parse(strings.Fields(args))
		assert.ErrorContains(t, err, want, args)
	}
}

func TestWhatIsInferred(t *testing.T) {
	o, err := parse(strings.Fields("-base http://127.0.0.1:1 -tls-base https://127.0.0.1:2 -sse-url http://127.0.0.1:3/feed " +
		"-scenario keepalive,sse -signal usr1 -json -junit=j.xml -rtt 50ms -- ./server -x"))
	require.NoError(t, err)
	assert.Equal(t, "http://127.0.0.1:1/echo", o.plan.URL.String())
	assert.Equal(t, "http://127.0.0.1:1/slow?ms=1000", o.plan.Slow.String())
	assert.Equal(t, "https://127.0.0.1:2/echo", o.plan.H2.String())
	assert.Equal(t, "http://127.0.0.1:3/feed", o.plan.SSE.String(), "what is said stands")
	assert.Equal(t, []string{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}, o.addresses())
	assert.Equal(t, []string{"./server", "-x"}, o.command)
	assert.Equal(t, syscall.SIGUSR1, o.signal)
	assert.Equal(t, "-", o.json)
	assert.Equal(t, "j.xml", o.junit)
	assert.Len(t, o.scenarios, 2)
	assert.Equal(t, 6, o.runner().Stops())
}

func TestAProcessIsStoppedOnce(t *testing.T) {
	o, err := parse(strings.Fields("-url " + someURL + " -trials 9 -pid 4711"))
	require.NoError(t, err)
	assert.Equal(t, 1, o.trials)
}

// server prepares this test binary to be a server, and returns draincheck's arguments for it.
func server(t *testing.T, mode testserver.Mode, flags ...string) []string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	l.Close()
	for _, kv := range testserver.Env(mode, addr) {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
	args := append([]string{"-base", "http://" + addr, "-trials", "1", "-conns", "8"}, flags...)
	return append(args, "--", os.Args[0])
}

func TestTheWholeCommand(t *testing.T) {
	for _, c := range []struct {
		mode  testserver.Mode
		flags string
		code  int
	}{
		{testserver.Clean, "-scenario keepalive,rtt", verdict.ExitClean},
		{testserver.ResetAll, "-scenario inflight", verdict.ExitLost},
		{testserver.ResetAll, "-scenario inflight -max-lost 8", verdict.ExitClean},
		{testserver.Ignore, "-scenario keepalive -timeout 300ms", verdict.ExitLost},
		{testserver.CrashAtStart, "-scenario keepalive", verdict.ExitNotRun},
		{testserver.Clean, "-scenario tls", verdict.ExitNotRun},
	} {
		t.Run(string(c.mode)+" "+c.flags, func(t *testing.T) {
			dir := t.TempDir()
			files := []string{filepath.Join(dir, "r.json"), filepath.Join(dir, "r.xml"), filepath.Join(dir, "r.html")}
			flags := append(strings.Fields(c.flags), "-json="+files[0], "-junit="+files[1], "-html", files[2])
			assert.Equal(t, c.code, check(server(t, c.mode, flags...)))
			for _, f := range files {
				assert.FileExists(t, f)
			}
			text, err := os.ReadFile(files[0])
			require.NoError(t, err)
			var got struct {
				ExitStatus int `json:"exit_status"`
			}
			require.NoError(t, json.Unmarshal(text, &got))
			assert.Equal(t, c.code, got.ExitStatus)
		})
	}
}

func TestReadiness(t *testing.T) {
	args := server(t, testserver.Clean, "-scenario", "idle", "-ready", "/echo")
	assert.Equal(t, verdict.ExitClean, check(args))
	args = server(t, testserver.Unready, "-scenario", "idle", "-ready", "/echo", "-start-timeout", "200ms")
	assert.Equal(t, verdict.ExitNotRun, check(args))
}

func TestAReportThatCannotBeWritten(t *testing.T) {
	never := filepath.Join(t.TempDir(), "started")
	args := []string{"-url", someURL, "-scenario", "keepalive", "-html", "/nonexistent/report.html", "--", "touch", never}
	assert.Equal(t, verdict.ExitNotRun, check(args))
	assert.NoFileExists(t, never, "it is known before the server is stopped, a hundred times perhaps")
}

// TestCtrlC interrupts this very process, as a terminal would.
func TestCtrlC(t *testing.T) {
	args := server(t, testserver.Ignore, "-scenario", "keepalive", "-timeout", "1m")
	interrupted := make(chan struct{})
	go func() {
		defer close(interrupted)
		addr := strings.TrimPrefix(args[1], "http://")
		for {
			// The server is there, so the run has begun and the signal is being listened for.
			if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
				c.Close()
				syscall.Kill(os.Getpid(), syscall.SIGINT)
				return
			}
		}
	}()
	began := time.Now()
	assert.Equal(t, verdict.ExitNotRun, check(args))
	<-interrupted
	assert.Less(t, time.Since(began), 30*time.Second)
	_, err := net.Dial("tcp", strings.TrimPrefix(args[1], "http://"))
	assert.Error(t, err, "the child is gone")
}

func TestHelpHasTheDefinitions(t *testing.T) {
	assert.Equal(t, verdict.ExitClean, check([]string{"-help"}))
	assert.Equal(t, verdict.ExitClean, check([]string{"-list"}))
	for _, word := range []string{"lost", "closed before", "repeat", "refused", "hung", "not run", "executed but"} {
		assert.Contains(t, verdict.Definitions, word)
	}
}
