package drain_test

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
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain"
	"github.com/godrain/drain/internal/selfsigned"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for; nothing takes nearly as long.
const patience = 20 * time.Second

// rig is a tree with one HTTP server, and the verbs that the scenarios speak.
type rig struct {
	*testing.T
	*drain.Handle
	addr string
	tls  bool
	held chan *hold // requests that reached a handler that holds them

	unbound chan struct{} // closed when the listener is
	once    sync.Once
}

// hold is a request that waits in its handler.
type hold struct {
	r      *http.Request
	finish chan struct{}
}

// overTLS runs a scenario without TLS and with it.
func overTLS(t *testing.T, scenario func(t *testing.T, tls bool)) {
	t.Run("http", func(t *testing.T) { scenario(t, false) })
	t.Run("https", func(t *testing.T) { scenario(t, true) })
}

// start serves with a configuration; quiet durations make short tests.
func start(t *testing.T, c drain.Config, overTLS bool, options ...servers.HTTPOptions) *rig {
	t.Helper()
	r := &rig{T: t, tls: overTLS, held: make(chan *hold, 1000), unbound: make(chan struct{})}
	c.Subscribers = append(c.Subscribers, r)
	srv := r.server()
	r.Handle = begin(t, c, servers.HTTP(srv, options...))
	for _, addr := range r.Addrs() {
		r.addr = addr
	}
	return r
}

func begin(t *testing.T, c drain.Config, list ...drain.Server) *drain.Handle {
	t.Helper()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	h, err := c.Start(context.Background(), list...)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = h.ForceShutdown(context.Background())
	})
	return h
}

func (r *rig) server() *http.Server {
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: r.handler(), ErrorLog: log.New(io.Discard, "", 0)}
	if r.tls {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	}
	return srv
}

func (r *rig) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		_, _ = w.Write(body)
	})
	mux.HandleFunc("/hold", func(w http.ResponseWriter, q *http.Request) {
		h := &hold{q, make(chan struct{})}
		r.held <- h
		<-h.finish
		fmt.Fprint(w, "held")
	})
	mux.HandleFunc("/begin", func(w http.ResponseWriter, q *http.Request) {
		fmt.Fprint(w, "begin ")
		_ = http.NewResponseController(w).Flush()
		h := &hold{q, make(chan struct{})}
		r.held <- h
		<-h.finish
		fmt.Fprint(w, "end")
	})
	mux.HandleFunc("/download", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 32<<20))
		r.held <- nil
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 2<<20))
		r.held <- nil
	})
	mux.HandleFunc("/panic", func(w http.ResponseWriter, q *http.Request) {
		h := &hold{q, make(chan struct{})}
		r.held <- h
		<-h.finish
		panic("on purpose")
	})
	mux.HandleFunc("/obedient", func(_ http.ResponseWriter, q *http.Request) {
		r.held <- &hold{q, nil}
		<-q.Context().Done()
	})
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, q *http.Request) {
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer nc.Close()
		fmt.Fprint(nc, "tunnel\n")
		_, _ = io.Copy(nc, rw)
	})
	return mux
}

// next is the next request that reached a holding handler.
func (r *rig) next() *hold {
	r.Helper()
	select {
	case h := <-r.held:
		return h
	case <-time.After(patience):
		require.FailNow(r, "no request reached its handler")
		return nil
	}
}

// shutdown begins a drain, and returns once it has begun, with where the Report
// will come.
func (r *rig) shutdown() <-chan drain.Report {
	r.Helper()
	reports := make(chan drain.Report, 1)
	go func() {
		report, _ := r.Shutdown(context.Background())
		reports <- report
	}()
	select {
	case <-r.unbound: // every connection is being told
	case <-time.After(patience):
		require.FailNow(r, "the listener stayed open")
	}
	return reports
}

// Notify implements messages.Subscriber.
func (r *rig) Notify(e messages.Event) {
	if _, ok := e.(messages.ServerUnbound); ok {
		r.once.Do(func() { close(r.unbound) })
	}
}

func (r *rig) report(reports <-chan drain.Report) drain.Report {
	r.Helper()
	select {
	case report := <-reports:
		return report
	case <-time.After(patience):
		buf := make([]byte, 1<<20)
		_, _ = os.Stderr.Write(buf[:runtimeStack(buf)])
		require.FailNow(r, "the drain did not end")
		return drain.Report{}
	}
}

// client is a raw connection: it shares no code with the server.
type client struct {
	t *testing.T
	net.Conn
	r   *bufio.Reader
	raw net.Conn
}

func (r *rig) dial() *client {
	r.Helper()
	nc, err := net.Dial("tcp", r.addr)
	require.NoError(r, err)
	c := &client{t: r.T, Conn: nc, raw: nc}
	if r.tls {
		layer := tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
		require.NoError(r, layer.Handshake())
		c.Conn = layer
	}
	c.r = bufio.NewReader(c.Conn)
	_ = c.SetDeadline(time.Now().Add(patience))
	r.Cleanup(func() { _ = nc.Close() })
	return c
}

func (c *client) send(s string) *client {
	c.t.Helper()
	_, err := io.WriteString(c, s)
	require.NoError(c.t, err)
	return c
}

func (c *client) get(path string) *client {
	c.t.Helper()
	return c.send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n")
}

// answer reads a complete response.
func (c *client) answer() (*http.Response, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	require.NoError(c.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp, string(body)
}

// closed requires the end of the stream, with a FIN and not a RST.
func (c *client) closed() {
	c.t.Helper()
	rest, err := io.ReadAll(c.r)
	require.NoError(c.t, err)
	require.Empty(c.t, rest)
	_ = c.Conn.Close()
}

// post is a small POST that a client would not repeat by itself.
func post(body string) string {
	return fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

var certificate = func() tls.Certificate {
	c, err := selfsigned.Certificate()
	if err != nil {
		panic(err)
	}
	return c
}()
