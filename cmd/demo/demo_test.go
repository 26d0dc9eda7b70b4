package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The demo as its user meets it: a built binary, signals, an exit status.

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "demo")
	if out, err := exec.Command("go", "build", "-race", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the demo: %v\n%s", err, out)
		os.Exit(1)
	}
	status := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// demo is a running demo with HTTP on a free port.
type demo struct {
	*testing.T
	cmd    *exec.Cmd
	http   string
	addrs  map[string]string // of all servers, by name
	lines  chan string       // of standard output
	stderr bytes.Buffer
}

func launch(t *testing.T, args ...string) *demo {
	t.Helper()
	d := &demo{T: t, lines: make(chan string, 1000), addrs: make(map[string]string)}
	args = append([]string{"-http", "127.0.0.1:0", "-https", "", "-admin", ""}, args...)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	d.cmd = exec.CommandContext(ctx, binary, args...)
	// Without the race detector's sleep of a second before it exits.
	d.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	d.cmd.Stderr = &d.stderr
	out, err := d.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, d.cmd.Start())
	go func() {
		defer close(d.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			d.lines <- s.Text()
		}
	}()
	for line := range d.lines {
		if name, addr, ok := strings.Cut(line, "://"); ok {
			d.addrs[name] = strings.TrimSuffix(addr, "/")
		}
		if url, ok := strings.CutPrefix(line, "http://"); ok {
			d.http = strings.TrimSuffix(url, "/")
		}
		if strings.HasPrefix(line, "Ctrl-C") {
			break
		}
	}
	if d.http == "" {
		_ = d.cmd.Wait()
		t.Fatal(d.stderr.String())
	}
	return d
}

func (d *demo) signal(s os.Signal) { require.NoError(d, d.cmd.Process.Signal(s)) }

// wait returns the exit status and what was printed since the start.
func (d *demo) wait() (int, string) {
	var out []string
	for line := range d.lines {
		out = append(out, line)
	}
	_ = d.cmd.Wait()
	return d.cmd.ProcessState.ExitCode(), strings.Join(out, "\n")
}

// begin sends a request whose handler is at work when it returns: its response
// header has come.
func (d *demo) begin(path string) *http.Response {
	resp, err := http.Get("http://" + d.http + path)
	require.NoError(d, err)
	return resp
}

// draining waits until the drain has begun.
func (d *demo) draining() {
	for deadline := time.Now().Add(10 * time.Second); ; {
		nc, err := net.DialTimeout("tcp", d.http, 100*time.Millisecond)
		if err != nil {
			return
		}
		_ = nc.Close()
		require.True(d, time.Now().Before(deadline))
	}
}

func TestCleanDrainExitsWithZero(t *testing.T) {
	d := launch(t)
	resp := d.begin("/stream?ms=300")
	d.signal(syscall.SIGTERM)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Contains(t, string(body), "the end")
	status, out := d.wait()
	assert.Equal(t, exitClean, status, d.stderr.String())
	assert.Contains(t, out, "drain clean in")
}

func TestCutDrainExitsWithOneAndNamesIt(t *testing.T) {
	d := launch(t, "-timeout", "500ms")
	resp := d.begin("/stream?ms=60000&token=secret")
	d.signal(syscall.SIGINT)
	_, err := io.ReadAll(resp.Body)
	_ = err // its handler may end in time, cancelled; its end is missing either way
	status, out := d.wait()
	if status == exitClean {
		t.Log("the handler obeyed its context in time")
		return
	}
	assert.Equal(t, exitCut, status)
	assert.Contains(t, out, "NOT clean")
	assert.NotContains(t, out, "secret")
}

func TestSecondSignalJoinsAndALaterOneForces(t *testing.T) {
	d := launch(t)
	resp := d.begin("/stream?ms=60000")
	began := time.Now()
	d.signal(syscall.SIGTERM)
	d.signal(syscall.SIGTERM) // process groups and supervisors deliver it twice
	d.draining()
	time.Sleep(1200*time.Millisecond - time.Since(began)) // the gap is the subject
	require.NoError(t, d.cmd.Process.Signal(syscall.Signal(0)), "it joined")
	d.signal(syscall.SIGTERM)
	_, _ = io.ReadAll(resp.Body)
	status, out := d.wait()
	assert.Equal(t, exitCut, status)
	assert.Contains(t, out, "forced")
	assert.Less(t, time.Since(began), 10*time.Second)
}

func TestReadinessTurnsAtOnceAndLivenessDoesNot(t *testing.T) {
	d := launch(t, "-ready-delay", "1s")
	ask := func(path string) int {
		resp, err := http.Get("http://" + d.http + path)
		require.NoError(t, err)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	assert.Equal(t, http.StatusOK, ask("/readyz"))
	d.signal(syscall.SIGTERM)
	for ask("/readyz") != http.StatusServiceUnavailable {
	}
	assert.Equal(t, http.StatusOK, ask("/livez"))
	assert.Equal(t, http.StatusOK, ask("/hello"), "everything else is served as before")
	status, out := d.wait()
	assert.Equal(t, exitClean, status)
	assert.Contains(t, out, "announced")
}

func TestBadUsageIsOneClearLineAndExitsWithTwo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, c := range []struct {
		want string
		args []string
	}{
		{taken.Addr().String(), []string{"-http", taken.Addr().String()}},
		{"-log \"yaml\"", []string{"-log", "yaml"}},
		{"-timeout", []string{"-timeout", "-3s"}},
		{"soon", []string{"-timeout", "soon"}},
		{"-cert and -key go together", []string{"-cert", "x.pem"}},
		{"x.pem", []string{"-cert", "x.pem", "-key", "x.key", "-https", "127.0.0.1:0"}},
		{"close code 1005", []string{"-close-code", "1005"}},
		{"ReadyDelay", []string{"-ready-delay", "30s"}},
		{"unexpected argument", []string{"now"}},
	} {
		args := append([]string{"-http", "127.0.0.1:0", "-https", "", "-admin", ""}, c.args...)
		cmd := exec.Command(binary, args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run()
		assert.Equal(t, exitUsage, cmd.ProcessState.ExitCode(), c.args)
		assert.Contains(t, stderr.String(), c.want)
		assert.Equal(t, 1, strings.Count(stderr.String(), "\n"), "one line: %s", stderr.String())
		assert.Empty(t, stdout.String())
	}
}
