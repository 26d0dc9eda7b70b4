package main

import (
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

//go:embed index.html
var index []byte

// handlers are one of each kind of response that a shutdown can hurt.
func handlers(show *show) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(index)
	})
	mux.HandleFunc("GET /hello", hello)
	mux.HandleFunc("GET /slow", slow)
	mux.HandleFunc("POST /echo", echo)
	mux.HandleFunc("GET /stream", stream)
	mux.HandleFunc("GET /download", download)
	mux.HandleFunc("/early", early)
	webSockets(mux)
	chats(mux)
	mux.HandleFunc("GET /events", events)
	mux.HandleFunc("GET /poll", poll)
	mux.HandleFunc("GET /readyz", show.ready)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return mux
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello, world\n") }

// slow answers after ms milliseconds.
func slow(w http.ResponseWriter, r *http.Request) {
	d, ok := number(w, r, "ms", 1000, 3_600_000)
	if !ok {
		return
	}
	if !pause(r, time.Duration(d)*time.Millisecond) {
		return
	}
	fmt.Fprintf(w, "answered after %d ms\n", d)
}

// echo answers with the body it was sent.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		http.Error(w, "cannot read the body: "+err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = w.Write(body)
}

// stream sends its header and a first chunk at once, and ends after ms
// milliseconds.
func stream(w http.ResponseWriter, r *http.Request) {
	d, ok := number(w, r, "ms", 1000, 3_600_000)
	if !ok {
		return
	}
	fmt.Fprintln(w, "the beginning")
	_ = http.NewResponseController(w).Flush()
	if pause(r, time.Duration(d)*time.Millisecond) {
		fmt.Fprintln(w, "the end")
	}
}

// download sends mb MiB.
func download(w http.ResponseWriter, r *http.Request) {
	mb, ok := number(w, r, "mb", 1, 1024)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(mb<<20))
	chunk := make([]byte, 64<<10)
	for range mb << 4 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// early answers 2 MiB and reads nothing of what it is sent.
func early(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(2<<20))
	_, _ = w.Write(make([]byte, 2<<20))
}

// number reads a parameter from 0 to limit.
func number(w http.ResponseWriter, r *http.Request, name string, fallback, limit int) (int, bool) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return fallback, true
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > limit {
		http.Error(w, fmt.Sprintf("%s=%q: it must be a number from 0 to %d", name, s, limit), http.StatusBadRequest)
		return 0, false
	}
	return n, true
}

// pause waits; it reports false if the request was cancelled meanwhile.
func pause(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
