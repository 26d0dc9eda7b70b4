package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/internal/socketio/clienttest"
)

//go:embed testdata/events.html
var eventsPage []byte

//go:embed testdata/socketio.html
var socketIOPage []byte

// told is what a page tells of itself.
type told struct {
	N    int    // counts what this page has told
	What string // of which of its connections
	Is   string
	ID   int
}

// browse opens a page in a real browser and returns what it tells, in order.
func browse(t *testing.T, page []byte, demo string) <-chan told {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	require.NoError(t, err, "this test needs Debian's package chromium")
	news := make(chan told, 10_000)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(page)
	})
	mux.HandleFunc("GET /socket.io.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(clienttest.Dir(t), "node_modules/socket.io-client/dist/socket.io.min.js"))
	})
	mux.HandleFunc("POST /tell", func(_ http.ResponseWriter, r *http.Request) {
		var n told
		if json.NewDecoder(r.Body).Decode(&n) == nil {
			news <- n
		}
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	cmd := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), site.URL+"/?"+demo)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	return inOrder(t.Context(), news)
}

// inOrder sorts what the page's requests bring.
func inOrder(ctx context.Context, news <-chan told) <-chan told {
	sorted := make(chan told)
	go func() {
		early := make(map[int]told)
		for next := 0; ; {
			select {
			case n := <-news:
				early[n.N] = n
			case <-ctx.Done():
				return
			}
			for n, ok := early[next]; ok; n, ok = early[next] {
				delete(early, next)
				next++
				select {
				case sorted <- n:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return sorted
}

// until reads what a page tells until done says that it is enough.
func until(t *testing.T, news <-chan told, done func(told) bool) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case n := <-news:
			if done(n) {
				return
			}
		case <-limit:
			t.Fatal("the browser did not get there")
		}
	}
}

// A real browser's EventSource comes back to a restarted server and goes on where
// it was, whether the handler watches the drain or knows nothing of it.
func TestBrowserResumesItsEvents(t *testing.T) {
	d := launch(t)
	news := browse(t, eventsPage, d.http)
	last := map[string]int{"watching": 0, "plain": 0}
	seen := map[string]bool{}
	more := func(least int) func(told) bool {
		return func(n told) bool {
			switch n.Is {
			case "event":
				require.Equal(t, last[n.What]+1, n.ID, "%s: an event is missing or came twice", n.What)
				last[n.What] = n.ID
			default:
				seen[n.What+" "+n.Is] = true
			}
			return last["watching"] >= least && last["plain"] >= least
		}
	}
	until(t, news, more(5))
	start := time.Now()
	d.signal(syscall.SIGTERM)
	status, report := d.wait()
	require.Equal(t, exitClean, status, report)
	took := time.Since(start)
	again := launch(t, "-http", d.http)
	highest := max(last["watching"], last["plain"])
	until(t, news, more(highest+10))
	require.Equal(t, map[string]bool{
		"watching open": true, "watching bye": true, "watching connecting": true,
		"plain open": true, "plain connecting": true,
	}, seen)
	t.Logf("exit after %s, resumed after event %d, now at %v", took.Round(time.Millisecond), highest, last)
	again.signal(syscall.SIGTERM)
	status, report = again.wait()
	require.Equal(t, exitClean, status, report)
}

// The same for Socket.IO in a browser: it sees "transport close" and reconnects.
func TestBrowserKeepsItsSocketIO(t *testing.T) {
	d := launch(t)
	news := browse(t, socketIOPage, "http://"+d.http)
	answered := map[string]int{}
	lost := map[string]string{}
	more := func(least int) func(told) bool {
		return func(n told) bool {
			if n.Is == "ack" {
				answered[n.What]++
			} else {
				lost[n.What] = n.Is
				answered[n.What] = 0
			}
			return answered["polling"] >= least && answered["websocket"] >= least && answered["upgraded"] >= least
		}
	}
	until(t, news, more(5))
	d.signal(syscall.SIGTERM)
	status, report := d.wait()
	require.Equal(t, exitClean, status, report)
	again := launch(t, "-http", d.http)
	until(t, news, func(n told) bool { return more(5)(n) && len(lost) == 3 })
	for what, reason := range lost {
		require.Equal(t, "transport close", reason, what)
	}
	again.signal(syscall.SIGTERM)
	status, report = again.wait()
	require.Equal(t, exitClean, status, report)
	t.Log(fmt.Sprint(lost))
}
