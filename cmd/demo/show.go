package main

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"sort"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/godrain/drain"
	"github.com/godrain/drain/messages"
)

// show is what a person sees of the demo: the log, the drain as it goes, and the
// Report.
type show struct {
	stdout   io.Writer
	logger   *slog.Logger
	errorLog *log.Logger
	terminal bool
	json     bool
	handle   atomic.Pointer[drain.Handle]
}

func newShow(format string, stdout, stderr io.Writer) *show {
	s := &show{stdout: stdout, json: format == "json"}
	if f, ok := stdout.(*os.File); ok {
		s.terminal = term.IsTerminal(int(f.Fd()))
	}
	options := &slog.HandlerOptions{}
	if d := os.Getenv("DRAIN_DEBUG"); d != "" && d != "0" {
		options.Level = slog.LevelDebug
	}
	var h slog.Handler = slog.NewTextHandler(stderr, options)
	if s.json {
		h = slog.NewJSONHandler(stderr, options)
	}
	s.logger = slog.New(h)
	s.errorLog = slog.NewLogLogger(h, slog.LevelDebug)
	return s
}

// serving tells where the servers are.
func (s *show) serving(h *drain.Handle) {
	s.handle.Store(h)
	addrs := h.Addrs()
	names := make([]string, 0, len(addrs))
	for name := range addrs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(s.stdout, "%s://%s/\n", name, addrs[name])
	}
	fmt.Fprintf(s.stdout, "Ctrl-C or kill -TERM %d drains it; a second one, a second later, kills it.\n", os.Getpid())
}

// ready answers readiness: 503 from the first instant of a shutdown.
func (s *show) ready(w http.ResponseWriter, _ *http.Request) {
	h := s.handle.Load()
	if h == nil {
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	if phase, _ := h.Gauges().Phase(); phase != messages.PhaseServing {
		http.Error(w, phase.String(), http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// Notify implements messages.Subscriber: the drain's progress starts with it.
func (s *show) Notify(e messages.Event) {
	if p, ok := e.(messages.PhaseChanged); ok && p.Phase == messages.PhaseDraining {
		if h := s.handle.Load(); h != nil {
			go s.progress(h, p.Deadline)
		}
	}
}

// progress shows how many connections are left until the drain is over: a live
// line on a terminal, a line a second elsewhere.
func (s *show) progress(h *drain.Handle, deadline time.Time) {
	every := time.Second
	var bar *progressbar.ProgressBar
	if s.terminal {
		every = 100 * time.Millisecond
		bar = progressbar.NewOptions64(max(open(h), 1), progressbar.OptionSetWriter(s.stdout),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(false), progressbar.OptionSetPredictTime(false))
	}
	total := max(open(h), 1)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-h.Done():
			if bar != nil {
				_ = bar.Finish()
			}
			return
		case <-tick.C:
			left, busy := open(h), busy(h)
			seconds := time.Until(deadline).Seconds()
			if bar == nil {
				s.logger.Info("draining", "left", left, "busy", busy, "seconds_to_deadline", int(seconds))
				continue
			}
			total = max(total, left)
			bar.ChangeMax64(total)
			bar.Describe(fmt.Sprintf("draining: %d connections left, %d busy, %.1f s to the deadline", left, busy, seconds))
			_ = bar.Set64(total - left)
		}
	}
}

func open(h *drain.Handle) (n int64) {
	for _, c := range h.Gauges().Servers() {
		n += c.Open
	}
	return n
}

func busy(h *drain.Handle) (n int64) {
	for _, c := range h.Gauges().Servers() {
		n += c.Busy
	}
	return n
}

func (s *show) report(r drain.Report) {
	if s.json {
		s.logger.Info("report", "report", r)
		return
	}
	fmt.Fprintln(s.stdout, r)
}
