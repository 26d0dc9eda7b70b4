// Command nethttp is the comparison's baseline: a plain net/http server that calls Shutdown on SIGTERM, as the
// documentation of net/http shows it. It has the paths that draincheck's -base expects.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"io"
	"log"
	"net/http"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

func main() {
	addr := flag.String("http", "127.0.0.1:8080", "address")
	tlsAddr := flag.String("https", "", "address for TLS and HTTP/2")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()

	servers := []*http.Server{{Addr: *addr, Handler: routes()}}
	if *tlsAddr != "" {
		servers = append(servers, &http.Server{
			Addr: *tlsAddr, Handler: routes(),
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{selfSigned()}},
		})
	}
	for _, s := range servers {
		go serve(s)
	}
	<-ctx.Done()
	deadline, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	down := make(chan error)
	for _, s := range servers {
		go func() { down <- s.Shutdown(deadline) }()
	}
	for range servers {
		if err := <-down; err != nil {
			log.Print(err)
		}
	}
}

func serve(s *http.Server) {
	var err error
	if s.TLSConfig != nil {
		err = s.ListenAndServeTLS("", "")
	} else {
		err = s.ListenAndServe()
	}
	if !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// executed counts requests for /echo and /slow. As a backend this server outlives the proxy that is stopped in front of it.
var executed atomic.Int64

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ready\n") })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		executed.Add(1)
		io.Copy(w, r.Body)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		executed.Add(1)
		time.Sleep(millis(r, 1000))
		io.WriteString(w, "slow\n")
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "begun\n")
		http.NewResponseController(w).Flush()
		time.Sleep(millis(r, 500))
		io.WriteString(w, "ended\n")
	})
	mux.HandleFunc("/download", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(number(r, "mb", 16)<<20))
		writeMB(w, number(r, "mb", 16))
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(2<<20))
		writeMB(w, 2)
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := 0; r.Context().Err() == nil; i++ {
			io.WriteString(w, "data: "+strconv.Itoa(i)+"\n\n")
			http.NewResponseController(w).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	})
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strconv.FormatInt(executed.Load(), 10))
	})
	mux.HandleFunc("/ws", echoMessages)
	mux.HandleFunc("/ws/big", oneBigMessage)
	return mux
}

var upgrader = websocket.Upgrader{}

func echoMessages(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		kind, message, err := c.ReadMessage()
		if err != nil || c.WriteMessage(kind, message) != nil {
			return
		}
	}
}

func oneBigMessage(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	if c.WriteMessage(websocket.BinaryMessage, make([]byte, number(r, "mb", 8)<<20)) == nil {
		c.ReadMessage()
	}
}

func writeMB(w io.Writer, n int) {
	piece := make([]byte, 64<<10)
	for range n * 16 {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

func number(r *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(r.FormValue(name)); err == nil {
		return n
	}
	return otherwise
}

func millis(r *http.Request, otherwise int) time.Duration {
	return time.Duration(number(r, "ms", otherwise)) * time.Millisecond
}
