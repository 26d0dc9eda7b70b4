package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/godrain/drain"
	"github.com/godrain/drain/admin"
	"github.com/godrain/drain/internal/selfsigned"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

// serve is the server's process.
func serve(what string) {
	mode, kind, _ := strings.Cut(what, " ")
	log.SetOutput(io.Discard)
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &http.Server{Handler: handlerOf(kind)}
	if kind == "tls" || kind == "h2" {
		cert, err := selfsigned.Certificate()
		if err != nil {
			fmt.Println(err)
			return
		}
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	}
	s := &served{srv: srv, tls: srv.TLSConfig != nil, lean: kind == "wsactor"}
	if mode == "managed" {
		err = s.manage(ln)
	} else {
		s.bare(ln)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ln.Addr())
	s.obey()
}

// served is what the process serves.
type served struct {
	srv    *http.Server
	tls    bool
	lean   bool          // of servers/wsactor
	handle *drain.Handle // nil if bare
}

func (s *served) bare(ln net.Listener) {
	go func() {
		if s.tls {
			_ = s.srv.ServeTLS(ln, "", "")
		} else {
			_ = s.srv.Serve(ln)
		}
	}()
}

// events counts: bars hold with metrics and events on.
type events struct{ n atomic.Int64 }

func (e *events) Notify(messages.Event) { e.n.Add(1) }

// manage serves under a tree, with an admin panel that watches it and serves its
// metrics, a subscriber of events and a logger.
func (s *served) manage(ln net.Listener) error {
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	panel := admin.New(admin.Options{Logger: logger})
	if _, err := panel.Listen("127.0.0.1:0"); err != nil {
		return err
	}
	config := drain.Config{Timeout: time.Minute, Logger: logger, Subscribers: []messages.Subscriber{&events{}}}
	if s.lean {
		config.System = system()
	}
	config.Spread.Batch, _ = strconv.Atoi(os.Getenv("BENCH_SPREAD"))
	// The listener is given, so that both sides have the same one.
	h, err := config.Start(context.Background(), servers.HTTP(s.srv, servers.HTTPOptions{Listener: ln}))
	if err != nil {
		return err
	}
	panel.Watch(h)
	s.handle = h
	return nil
}

// obey answers the orders on standard input, until its end.
func (s *served) obey() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		order, argument, _ := strings.Cut(lines.Text(), " ")
		switch order {
		case "cpu":
			fmt.Println(int64(cpuTime()))
		case "rss":
			runtime.GC()
			debug.FreeOSMemory()
			fmt.Println(resident())
		case "stacks":
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			fmt.Println(m.StackInuse)
		case "stop":
			fmt.Println(s.stop())
		case "profile":
			f, err := os.Create(argument)
			if err == nil {
				err = pprof.StartCPUProfile(f)
			}
			answer(err)
		case "heap":
			f, err := os.Create(argument)
			if err == nil {
				runtime.GC()
				runtime.GC()
				err = pprof.WriteHeapProfile(f)
				_ = f.Close()
			}
			answer(err)
		case "profiled":
			pprof.StopCPUProfile()
			fmt.Println(0)
		}
	}
}

func answer(err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(0)
}

// stop is the drain, from Shutdown to the Report, or http.Server.Close; in
// nanoseconds, or what went wrong.
func (s *served) stop() string {
	began := time.Now()
	if s.handle == nil {
		_ = s.srv.Close()
		return fmt.Sprint(int64(time.Since(began)))
	}
	report, err := s.handle.Shutdown(context.Background())
	took := time.Since(began)
	if err != nil {
		return "not clean: " + report.String()
	}
	return fmt.Sprint(int64(took))
}

func handlerOf(kind string) http.Handler {
	switch kind {
	case "ws":
		return http.HandlerFunc(echo)
	case "wsactor":
		return leanHandler()
	}
	return http.HandlerFunc(hello)
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello, world\n") }

// echo is the handler that everybody writes with gorilla/websocket.
func echo(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		hello(w, r)
		return
	}
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}
