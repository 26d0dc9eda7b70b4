package compat

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// demoBinary is the demo, built once, with the race detector.
var demoBinary string

func TestMain(m *testing.M) {
	if serveInstead() {
		return
	}
	dir, err := os.MkdirTemp("", "compat")
	if err != nil {
		panic(err)
	}
	demoBinary = filepath.Join(dir, "demo")
	args := []string{"build", "-o", demoBinary}
	if raceOn() {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "./cmd/demo")...)
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the demo: %v\n%s", err, out)
		os.Exit(1)
	}
	status := m.Run()
	backend().Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	// melody's hub has no end.
	if err := goleak.Find(goleak.IgnoreTopFunction("github.com/olahol/melody.(*hub).run")); status == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// raceOn reports whether the demo is built with the race detector, which makes it
// slow: times are measured without it, with DRAIN_NORACE=1.
func raceOn() bool { return os.Getenv("DRAIN_NORACE") == "" }

// long reports whether the counts of the full proof are wanted: DRAIN_LONG=1.
func long() bool { return os.Getenv("DRAIN_LONG") != "" }

// full is n in the full proof, and short otherwise.
func full(n, short int) int {
	if long() {
		return n
	}
	return short
}

// demo is the built demo, running.
type demo struct {
	*testing.T
	cmd     *exec.Cmd
	ws, wss string // where it serves
	out     bytes.Buffer
	errors  bytes.Buffer
	read    chan struct{}
}

var serving = regexp.MustCompile(`https?://[0-9.:]+`)

func run(t *testing.T, args ...string) *demo {
	t.Helper()
	d := &demo{T: t, read: make(chan struct{})}
	d.cmd = exec.Command(demoBinary, append([]string{"-http", "127.0.0.1:0", "-https", "127.0.0.1:0", "-admin", ""}, args...)...)
	d.cmd.Stderr = &d.errors
	d.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	stdout, err := d.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, d.cmd.Start())
	lines := bufio.NewScanner(stdout)
	for (d.ws == "" || d.wss == "") && lines.Scan() {
		d.out.WriteString(lines.Text() + "\n")
		for _, url := range serving.FindAllString(lines.Text(), -1) {
			if rest, ok := strings.CutPrefix(url, "https"); ok {
				d.wss = "wss" + rest
			} else {
				d.ws = "ws" + strings.TrimPrefix(url, "http")
			}
		}
	}
	require.NotEmpty(t, d.wss, "the demo did not start: %s%s", &d.out, &d.errors)
	go func() {
		defer close(d.read)
		for lines.Scan() {
			d.out.WriteString(lines.Text() + "\n")
		}
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		_ = d.cmd.Wait()
	})
	return d
}

func (d *demo) url(tls bool) string {
	if tls {
		return d.wss
	}
	return d.ws
}

// term sends SIGTERM and returns when.
func (d *demo) term() time.Time {
	d.Helper()
	at := time.Now()
	require.NoError(d, d.cmd.Process.Signal(syscall.SIGTERM))
	return at
}

// exit waits for the end and returns the status and what it wrote.
func (d *demo) exit() (int, string) {
	d.Helper()
	<-d.read
	_ = d.cmd.Wait()
	text := d.out.String() + d.errors.String()
	require.NotContains(d, text, "DATA RACE")
	require.NotContains(d, text, "panic")
	return d.cmd.ProcessState.ExitCode(), text
}

// clean waits for the end and expects a clean Report.
func (d *demo) clean() string {
	d.Helper()
	status, text := d.exit()
	require.Zero(d, status, text)
	return text
}

// overTLS runs a test without TLS and with it.
func overTLS(t *testing.T, f func(t *testing.T, tls bool)) {
	t.Run("ws", func(t *testing.T) { f(t, false) })
	t.Run("wss", func(t *testing.T) { f(t, true) })
}

// crowd opens n connections at once.
func crowd(t *testing.T, n int, url string, extra ...string) []*peer {
	t.Helper()
	type joined struct {
		p   *peer
		err error
	}
	all := make(chan joined)
	for range n {
		go func() {
			p, err := join(url, extra...)
			all <- joined{p, err}
		}()
	}
	peers := make([]*peer, n)
	var failed error
	for i := range peers {
		j := <-all
		if j.err != nil {
			failed = j.err
		}
		peers[i] = j.p
	}
	require.NoError(t, failed)
	t.Cleanup(func() {
		for _, p := range peers {
			_ = p.Close()
		}
	})
	return peers
}

// each runs f for every peer at once and collects how they ended.
func each(peers []*peer, f func(*peer) goodbye) map[string]int {
	ends := make(chan goodbye)
	for _, p := range peers {
		go func() { ends <- f(p) }()
	}
	counts := make(map[string]int)
	for range peers {
		counts[(<-ends).String()]++
	}
	return counts
}
