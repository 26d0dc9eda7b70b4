package compat

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/gorilla/websocket"
	"github.com/lxzan/gws"
	"github.com/olahol/melody"
	"github.com/stretchr/testify/require"
	xnet "golang.org/x/net/websocket"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// Handlers as people write them, of six libraries: each echoes every message, and
// sends without an end when it is told to flood. None knows anything of Drain.
var libraries = map[string]http.Handler{
	"gorilla":            http.HandlerFunc(gorillaServe(websocket.Upgrader{})),
	"gorilla, deflate":   http.HandlerFunc(gorillaServe(websocket.Upgrader{EnableCompression: true})),
	"gorilla, fragments": http.HandlerFunc(gorillaFragments),
	"coder":              http.HandlerFunc(coderServe(coder.CompressionDisabled)),
	"coder, deflate":     http.HandlerFunc(coderServe(coder.CompressionContextTakeover)),
	"gobwas":             http.HandlerFunc(gobwasServe),
	"melody":             melodyServer(),
	"gws":                gwsServer(false),
	"gws, deflate":       gwsServer(true),
	"reverse proxy":      http.HandlerFunc(proxied),
	"x/net":              xnet.Handler(xnetServe),
}

const floodWord = "flood"

func gorillaServe(upgrader websocket.Upgrader) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, message, err := conn.ReadMessage()
			if err != nil {
				return
			}
			for {
				if conn.WriteMessage(kind, message) != nil {
					return
				}
				if string(message) != floodWord {
					break
				}
			}
		}
	}
}

func gorillaFragments(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{WriteBufferSize: 64}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		for again := err == nil; again; again = string(message) == floodWord {
			var out io.WriteCloser
			if out, err = conn.NextWriter(kind); err != nil {
				return
			}
			for range 10 { // ten times the message, in frames of 64 bytes
				if _, err = out.Write(message); err != nil {
					return
				}
			}
			if err = out.Close(); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func coderServe(mode coder.CompressionMode) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: mode, CompressionThreshold: 1})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		ctx := r.Context()
		for {
			kind, message, err := conn.Read(ctx)
			for again := err == nil; again; again = err == nil && string(message) == floodWord {
				err = conn.Write(ctx, kind, message)
			}
			if err != nil {
				return
			}
		}
	}
}

func gobwasServe(w http.ResponseWriter, r *http.Request) {
	conn, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		message, op, err := wsutil.ReadClientData(conn)
		for again := err == nil; again; again = err == nil && string(message) == floodWord {
			err = wsutil.WriteServerMessage(conn, op, message)
		}
		if err != nil {
			return
		}
	}
}

func melodyServer() http.Handler {
	m := melody.New()
	m.HandleMessage(func(s *melody.Session, message []byte) {
		for again := true; again; again = string(message) == floodWord && !s.IsClosed() {
			_ = s.Write(message)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = m.HandleRequest(w, r) })
}

type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnMessage(conn *gws.Conn, message *gws.Message) {
	defer message.Close()
	text := message.Bytes()
	for again := true; again; again = string(text) == floodWord {
		if conn.WriteMessage(message.Opcode, text) != nil {
			return
		}
	}
}

func (gwsEcho) OnPing(conn *gws.Conn, payload []byte) { _ = conn.WritePong(payload) }

func gwsServer(deflate bool) http.Handler {
	u := gws.NewUpgrader(gwsEcho{}, &gws.ServerOption{
		PermessageDeflate: gws.PermessageDeflate{Enabled: deflate, Threshold: 1},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := u.Upgrade(w, r); err == nil {
			conn.ReadLoop()
		}
	})
}

func xnetServe(conn *xnet.Conn) {
	for {
		var message string
		err := xnet.Message.Receive(conn, &message)
		for again := err == nil; again; again = err == nil && message == floodWord {
			err = xnet.Message.Send(conn, message)
		}
		if err != nil {
			return
		}
	}
}

// backend is a bare server behind a proxy; it lives as long as the tests.
var backend = sync.OnceValue(func() *httptest.Server {
	anyone := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	return httptest.NewServer(gorillaServe(anyone))
})

// proxied has the WebSocket of another server: its frames are only passed on.
func proxied(w http.ResponseWriter, r *http.Request) {
	to, _ := url.Parse(backend().URL)
	httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
}

// serve has a handler served by a managed server, without TLS or with it.
func serve(t *testing.T, handler http.Handler, tls bool, c drain.Config) (*drain.Handle, string) {
	t.Helper()
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	scheme := "ws://"
	if tls {
		srv.TLSConfig = selfSigned()
		scheme = "wss://"
	}
	c.Logger = silent
	h, err := c.Start(context.Background(), servers.HTTP(srv))
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = h.ForceShutdown(context.Background()) })
	for _, addr := range h.Addrs() {
		return h, scheme + addr + "/"
	}
	return nil, ""
}

const deflate = "Sec-WebSocket-Extensions: permessage-deflate"

func TestEveryLibraryIdleEchoingAndFlooding(t *testing.T) {
	n := full(100, 10)
	for name, handler := range libraries {
		for _, what := range []string{"idle", "echoing", "flooding"} {
			t.Run(name+"/"+what, func(t *testing.T) {
				overTLS(t, func(t *testing.T, tls bool) {
					if !long() {
						t.Parallel()
					}
					h, url := serve(t, handler, tls, drain.Config{CloseCode: 1012, CloseReason: "back soon"})
					var extra []string
					if strings.Contains(name, "deflate") {
						extra = append(extra, deflate)
					}
					peers := crowd(t, n, url, extra...)
					busy(t, peers, what)
					reports := make(chan drain.Report, 1)
					go func() {
						report, _ := h.Shutdown(context.Background())
						reports <- report
					}()
					ends := each(peers, func(p *peer) goodbye {
						g := p.leave(true)
						if g.reason != "back soon" {
							g.end = fmt.Errorf("reason %q", g.reason)
						}
						return g
					})
					require.Equal(t, map[string]int{"1012, FIN": n}, ends)
					report := <-reports
					require.NoError(t, report.Err(), report.String())
					require.Equal(t, n, report.Sum().Drained, report.String())
				})
			})
		}
	}
}

// busy makes the peers do what is wanted, and returns when all of them do.
func busy(t *testing.T, peers []*peer, what string) {
	t.Helper()
	if what == "idle" {
		return
	}
	word := "an echo"
	if what == "flooding" {
		word = floodWord
	}
	started := make(chan error)
	for _, p := range peers {
		if what == "echoing" { // the next one goes out as soon as one is back
			p.onMessage = func() { _ = p.send(fin|opText, []byte(word)) }
		}
		go func() {
			err := p.send(fin|opText, []byte(word))
			if err == nil {
				_, err = p.message()
			}
			if p.onMessage != nil {
				p.onMessage()
			}
			started <- err
		}()
	}
	for range peers {
		require.NoError(t, <-started)
	}
}

func TestTheHandlersReadEndsWithThePeersClose(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		read := make(chan error, 1)
		h, url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer conn.Close()
			messages := 0
			for err == nil {
				if _, _, err = conn.ReadMessage(); err == nil {
					messages++
				}
			}
			read <- fmt.Errorf("%d messages: %w", messages, err)
		}), tls, drain.Config{})
		p := crowd(t, 1, url)[0]
		go func() { _, _ = h.Shutdown(context.Background()) }()
		f, err := p.receive()
		require.NoError(t, err)
		require.Equal(t, 1001, code(f.body))
		for range 3 {
			require.NoError(t, p.send(fin|opPing, []byte("ping")))
			require.NoError(t, p.send(fin|opText, []byte("sent before the close frame")))
		}
		require.NoError(t, p.send(fin|opClose, f.body))
		err = <-read
		require.ErrorContains(t, err, "3 messages")
		require.True(t, websocket.IsCloseError(innermost(err), websocket.CloseGoingAway), err)
		_, err = p.receive()
		require.ErrorIs(t, err, io.EOF)
		_ = p.Close()
		report, err := h.Wait()
		require.NoError(t, err)
		require.Equal(t, 1, report.Sum().Drained)
	})
}

func TestAMessageAfterTheGoodbyeIsRefusedAndSaysSo(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		wrote := make(chan error, 1)
		h, url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer conn.Close()
			_, _, _ = conn.ReadMessage()
			if err := conn.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Second)); err != nil {
				wrote <- err
				return
			}
			wrote <- conn.WriteMessage(websocket.TextMessage, []byte("too late"))
		}), tls, drain.Config{})
		p := crowd(t, 1, url)[0]
		go func() { _, _ = h.Shutdown(context.Background()) }()
		f, err := p.receive()
		require.NoError(t, err)
		require.EqualValues(t, opClose, f.op())
		require.NoError(t, p.send(fin|opText, []byte("answer me")))
		err = <-wrote
		require.ErrorIs(t, err, drain.ErrClosing)
		require.ErrorIs(t, err, drain.ErrDraining)
		require.NoError(t, p.send(fin|opClose, f.body))
		_, err = p.receive()
		require.ErrorIs(t, err, io.EOF)
		_ = p.Close()
		_, err = h.Wait()
		require.NoError(t, err)
	})
}
