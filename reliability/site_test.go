package reliability

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/internal/selfsigned"
	"github.com/godrain/drain/servers"
)

// kind is what a site serves.
type kind string

const (
	plain  kind = "http"
	secure kind = "https" // HTTP/1.1 and HTTP/2
	given  kind = "given" // HTTP on a listener of the user's, that fails on demand
	lines  kind = "tcp"
	own    kind = "own" // a transport of the user's
)

var kinds = []kind{plain, secure, given, lines, own}

// site is one server of a world.
type site struct {
	*world
	kind     kind
	name     string
	addr     string
	server   drain.Server
	listener *faulty // of a given one
}

func newSite(w *world, k kind, d dice) *site {
	s := &site{world: w, kind: k, name: string(k)}
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: s.handler(), ErrorLog: log.New(io.Discard, "", 0)}
	if d.chance(30) {
		srv.ReadHeaderTimeout, srv.IdleTimeout = 2*time.Second, 2*time.Second
	}
	switch k {
	case plain:
		srv.Protocols = new(http.Protocols)
		srv.Protocols.SetHTTP1(true)
		srv.Protocols.SetUnencryptedHTTP2(true)
		s.server = servers.HTTP(srv)
	case secure:
		srv.TLSConfig = serverTLS()
		s.server = servers.HTTP(srv)
	case given:
		s.listener = newFaulty(w, d)
		s.server = servers.HTTP(srv, servers.HTTPOptions{Name: s.name, Listener: s.listener})
	case lines:
		o := servers.TCPOptions{ErrorLog: log.New(io.Discard, "", 0)}
		s.server = servers.TCP("127.0.0.1:0", s.echoLines, o)
	case own:
		s.server = &transport{serve: s.echoLines}
	}
	return s
}

func (s *site) speaksHTTP() bool { return s.kind == plain || s.kind == secure || s.kind == given }

// handler does what handlers do.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		ms, _ := strconv.Atoi(r.URL.Query().Get("ms"))
		if ms > 0 {
			select {
			case <-time.After(time.Duration(ms) * time.Millisecond):
			case <-s.over:
			}
		}
		_, _ = w.Write(body)
	})
	mux.HandleFunc("/flush", func(w http.ResponseWriter, r *http.Request) {
		for range 5 {
			fmt.Fprint(w, "part ")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond) // a response in the making is the subject
		}
		fmt.Fprint(w, "end")
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		for {
			fmt.Fprint(w, "data: x\n\n")
			if http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-time.After(3 * time.Millisecond):
			case <-drain.Draining(r.Context()):
				fmt.Fprint(w, "end")
				return
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, bigAnswer)) })
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { s.fault(); panic("on purpose") })
	mux.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { s.fault(); panic(http.ErrAbortHandler) })
	mux.HandleFunc("/obedient", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/deaf", func(http.ResponseWriter, *http.Request) { <-s.over })
	mux.HandleFunc("/ws", s.echoMessages)
	mux.HandleFunc("/tunnel", func(w http.ResponseWriter, _ *http.Request) {
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer nc.Close()
		fmt.Fprint(nc, "HTTP/1.1 200 OK\r\n\r\n")
		_, _ = io.Copy(nc, rw)
	})
	return mux
}

const bigAnswer = 1 << 20

func (s *site) echoMessages(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
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

// echoLines answers a line with the same line; some lines are special.
func (s *site) echoLines(_ context.Context, c conns.RawConn) {
	for r := bufio.NewReader(c); ; c.Idle() {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch line {
		case "panic\n":
			s.fault()
			panic("on purpose")
		case "deaf\n":
			<-s.over
			return
		}
		if _, err := io.WriteString(c, line); err != nil {
			return
		}
	}
}

// fault is called when something is about to be cut that a client waits for.
func (w *world) fault() { w.faults.Add(1) }

// transport is one of the user's own.
type transport struct {
	serve    conns.RawHandler
	acceptor *servers.Acceptor
}

func (t *transport) Name() string { return string(own) }

func (t *transport) Bind(ctx context.Context) (addr string, err error) {
	if t.acceptor, err = servers.Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return "", err
	}
	return t.acceptor.Addr().String(), nil
}

func (t *transport) Serve(tracker conns.Tracker) error {
	return t.acceptor.Each(func(nc net.Conn) {
		if c, err := tracker.Track(nc); err == nil {
			go func() { _ = c.Serve(t.serve) }()
		}
	})
}

func (t *transport) Unbind(ctx context.Context) error { return t.acceptor.Unbind(ctx) }

func serverTLS() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{certificate}} }

var certificate = func() tls.Certificate {
	c, err := selfsigned.Certificate()
	if err != nil {
		panic(err)
	}
	return c
}()

// listenLocal opens a listener of the user's.
func listenLocal(t require.TestingT) *net.TCPListener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return ln.(*net.TCPListener)
}
