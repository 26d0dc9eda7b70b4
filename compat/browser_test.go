package compat

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
)

// page opens a WebSocket and tells the other server what becomes of it: its own
// is going away.
const page = `<!doctype html><script>
const tell = (what) => fetch(%q + what, {mode: "no-cors", keepalive: true})
const socket = new WebSocket("ws://" + location.host + "/ws")
socket.onmessage = () => tell("open")
socket.onopen = () => socket.send("hello")
socket.onclose = (e) => tell("close?" + e.code + "," + e.reason + "," + e.wasClean)
</script>`

// TestABrowserSeesACleanClose asks a real one: CloseEvent.code and wasClean.
// scripts/compat.sh installs it.
func TestABrowserSeesACleanClose(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	require.NoError(t, err, "run scripts/compat.sh: it installs chromium")
	told := make(chan string, 10)
	listener := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told <- r.URL.RequestURI()
	}))
	t.Cleanup(listener.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, page, listener.URL+"/")
	})
	mux.HandleFunc("/ws", gorillaEcho)
	h, url := serve(t, mux, false, drain.Config{CloseCode: 1012, CloseReason: "back soon"})
	browser := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--remote-debugging-port=0", // stay, rather than render and exit
		"--user-data-dir="+filepath.Join(t.TempDir(), "profile"), "http"+url[len("ws"):])
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
	browser.WaitDelay = time.Second
	require.NoError(t, browser.Start())
	t.Cleanup(func() { _ = browser.Process.Kill(); _ = browser.Wait() })
	heard := func() string {
		select {
		case what := <-told:
			return what
		case <-time.After(patience):
			require.FailNow(t, "the browser said nothing")
			return ""
		}
	}
	require.Equal(t, "/open", heard())
	report, err := h.Shutdown(context.Background())
	require.NoError(t, err, report.String())
	require.Equal(t, "/close?1012,back%20soon,true", heard())
}
