package main

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/godrain/drain"
)

// events is a stream of server-sent events, one every ms milliseconds, numbered
// from what the client has seen (Last-Event-ID). It watches the drain and says
// goodbye itself, telling the client to come back soon; with plain=1 it knows
// nothing of drains.
func events(w http.ResponseWriter, r *http.Request) {
	every, ok := number(w, r, "ms", 100, 3_600_000)
	if !ok {
		return
	}
	last, _ := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	draining := drain.Draining
	if r.URL.Query().Get("plain") != "" {
		draining = nil
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	var leaving <-chan struct{}
	if draining != nil {
		leaving = draining(r.Context())
	}
	flush := http.NewResponseController(w).Flush
	tick := time.NewTicker(max(time.Duration(every)*time.Millisecond, time.Millisecond))
	defer tick.Stop()
	fmt.Fprint(w, "retry: 200\n\n")
	for {
		if flush() != nil {
			return
		}
		select {
		case <-tick.C:
			last++
			// In two writes: an event is not a write.
			fmt.Fprintf(w, "id: %d\n", last)
			if _, err := fmt.Fprintf(w, "data: event %d\n\n", last); err != nil {
				return
			}
		case <-leaving:
			fmt.Fprint(w, "event: bye\ndata: the server is restarting\n\n")
			return
		case <-r.Context().Done():
			return
		}
	}
}

// poll is a long poll: it answers 204 after ms milliseconds, or as soon as the
// server drains.
func poll(w http.ResponseWriter, r *http.Request) {
	d, ok := number(w, r, "ms", 30_000, 3_600_000)
	if !ok {
		return
	}
	drain.Interruptible(r.Context())
	pause(r, time.Duration(d)*time.Millisecond)
	w.WriteHeader(http.StatusNoContent)
}
