package servers_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// spoken tells what a server answers to clients that offer HTTP/2, offer HTTP/1,
// or know that it speaks HTTP/2 without TLS.
func spoken(t *testing.T, addr string, overTLS bool) string {
	ask := func(set func(p *http.Protocols)) string {
		var p http.Protocols
		set(&p)
		tr := &http.Transport{Protocols: &p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		defer tr.CloseIdleConnections()
		resp, err := (&http.Client{Transport: tr}).Get(url(addr, overTLS, "/"))
		if err != nil {
			return "none"
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.Proto
	}
	return fmt.Sprint("both: ", ask(func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) }),
		", HTTP/1: ", ask(func(p *http.Protocols) { p.SetHTTP1(true) }),
		", HTTP/2: ", ask(func(p *http.Protocols) { p.SetHTTP2(true); p.SetUnencryptedHTTP2(!overTLS) }))
}

func TestProtocolsAreThoseOfNetHTTP(t *testing.T) {
	protocols := func(set func(p *http.Protocols)) func(*http.Server) {
		return func(srv *http.Server) {
			srv.Protocols = &http.Protocols{}
			set(srv.Protocols)
		}
	}
	type protos = map[string]func(*http.Server, *tls.Conn, http.Handler)
	cases := map[string]func(*http.Server){
		"default":              func(srv *http.Server) { srv.Protocols = nil },
		"TLSNextProto empty":   func(srv *http.Server) { srv.Protocols, srv.TLSNextProto = nil, protos{} },
		"HTTP/1 alone":         protocols(func(p *http.Protocols) { p.SetHTTP1(true) }),
		"HTTP/2 alone":         protocols(func(p *http.Protocols) { p.SetHTTP2(true) }),
		"h2c alone":            protocols(func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }),
		"everything":           protocols(func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true); p.SetUnencryptedHTTP2(true) }),
		"NextProtos of a user": func(srv *http.Server) { srv.Protocols, srv.TLSConfig.NextProtos = nil, []string{"http/1.1"} },
		"ConfigureServer": func(srv *http.Server) {
			srv.Protocols = nil
			_ = http2.ConfigureServer(srv, &http2.Server{MaxConcurrentStreams: 7}) //nolint:staticcheck // many do
		},
	}
	for _, debug := range []string{"", "http2server=0"} {
		for name, set := range cases {
			if debug != "" && name != "default" && name != "ConfigureServer" {
				continue // told to speak HTTP/2 all the same, net/http agrees on it and hangs up
			}
			bothH2(t, func(t *testing.T, overTLS bool) {
				t.Run(name+debug, func(t *testing.T) {
					t.Setenv("GODEBUG", debug)
					mk := func() *http.Server {
						srv := h2Server(http.HandlerFunc(slow), overTLS)
						if srv.TLSConfig == nil {
							srv.TLSConfig = &tls.Config{}
						}
						set(srv)
						if !overTLS {
							srv.TLSConfig = nil
						}
						return srv
					}
					want := spoken(t, bareH2(t, mk(), overTLS), overTLS)
					got := spoken(t, serveH2(t, mk(), overTLS, drain.Config{}).addr, overTLS)
					assert.Equal(t, want, got)
				})
			})
		}
	}
}

// The settings of a user who has called http2.ConfigureServer, and those of
// http.Server.HTTP2, reach the client; the connection drains all the same.
func TestH2SettingsOfTheUser(t *testing.T) {
	for name, set := range map[string]func(*http.Server){
		"http.Server.HTTP2": func(srv *http.Server) { srv.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 7} },
		"ConfigureServer": func(srv *http.Server) {
			_ = http2.ConfigureServer(srv, &http2.Server{MaxConcurrentStreams: 7}) //nolint:staticcheck // many do
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := h2Server(http.HandlerFunc(slow), true)
			set(srv)
			r := serveH2(t, srv, true, drain.Config{})
			c := dialH2(t, r.addr, true)
			f, err := c.framer.ReadFrame()
			require.NoError(t, err)
			limit, _ := f.(*http2.SettingsFrame).Value(http2.SettingMaxConcurrentStreams)
			assert.EqualValues(t, 7, limit)
			id, err := c.get("/?ms=200")
			require.NoError(t, err)
			c.listen()
			drained := make(chan time.Duration, 1)
			go func() {
				_, took := r.drains(t)
				drained <- took
			}()
			c.until(t, "the last GOAWAY", func() bool { return c.final() == int64(id) && c.goAways[0] == finalGoAway })
			<-c.over
			c.close()
			assert.Equal(t, answer, string(c.streams[id].body))
			assert.Less(t, <-drained, time.Second*slack)
		})
	}
}

// A protocol of the user's own is served by the user's function, on the *tls.Conn.
func TestProtocolOfTheUsersOwn(t *testing.T) {
	srv := h2Server(http.HandlerFunc(slow), true)
	srv.Protocols = nil
	srv.TLSConfig.NextProtos = []string{"echo"}
	srv.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"echo": func(s *http.Server, c *tls.Conn, h http.Handler) {
			assert.Same(t, srv, s)
			_, _ = io.Copy(c, c)
		},
	}
	r := serveH2(t, srv, true, drain.Config{})
	nc, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"echo"}})
	require.NoError(t, err)
	_, err = io.WriteString(nc, "hello")
	require.NoError(t, err)
	require.NoError(t, nc.CloseWrite())
	got, err := io.ReadAll(nc)
	assert.NoError(t, err)
	assert.Equal(t, "hello", string(got))
	_ = nc.Close()
	r.drains(t)
}

// The handler that such a function is given serves requests as any other: they have a
// context of their own, which a drain interrupts.
func TestARequestOfTheUsersOwnProtocolCanBeInterrupted(t *testing.T) {
	begun, cause := make(chan struct{}), make(chan error, 1)
	srv := h2Server(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		drain.Interruptible(r.Context())
		close(begun)
		<-r.Context().Done()
		cause <- context.Cause(r.Context())
	}), true)
	srv.Protocols = nil
	srv.TLSConfig.NextProtos = []string{"once"}
	srv.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"once": func(_ *http.Server, _ *tls.Conn, h http.Handler) {
			r := httptest.NewRequest("GET", "/", nil)
			h.ServeHTTP(httptest.NewRecorder(), r.WithContext(h.(interface{ BaseContext() context.Context }).BaseContext()))
		},
	}
	rig := serveH2(t, srv, true, drain.Config{})
	nc, err := tls.Dial("tcp", rig.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"once"}})
	require.NoError(t, err)
	defer nc.Close()
	<-begun
	status, err := rig.Status(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "once", status.Servers[0].Oldest[0].Protocol)
	go func() { _, _ = io.Copy(io.Discard, nc); _ = nc.Close() }()
	rig.drains(t)
	assert.Equal(t, drain.ErrDraining, <-cause)
}

// A user's own TLS listener that offers h2.
func TestH2OnAListenerThatDoesTLSItself(t *testing.T) {
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificate(), NextProtos: []string{"h2", "http/1.1"}})
	require.NoError(t, err)
	srv := &http.Server{Handler: http.HandlerFunc(slow)}
	h, err := drain.Config{Signals: []os.Signal{}, Logger: slog.New(slog.DiscardHandler)}.Start(context.Background(), servers.HTTP(srv, servers.HTTPOptions{Listener: ln}))
	require.NoError(t, err)
	c := dialH2(t, ln.Addr().String(), true).listen()
	assert.Equal(t, answer, string(c.fetch(t, "/").body))
	go func() { // it leaves as it is told
		<-c.over
		c.close()
	}()
	report, err := h.Shutdown(context.Background())
	assert.NoError(t, err)
	assert.Less(t, report.Took, 500*time.Millisecond*slack)
	assert.EqualValues(t, 1, c.final())
}

// Go's clients under load: no request fails, but those that find nobody listening.
func TestH2GoClientsLoseNothing(t *testing.T) {
	bothH2(t, func(t *testing.T, overTLS bool) {
		for range long(2, 20) {
			r := serveH2(t, h2Server(http.HandlerFunc(slow), overTLS), overTLS, drain.Config{})
			var answered atomic.Int64
			var clients sync.WaitGroup
			enough := make(chan struct{})
			for i := range 16 {
				clients.Add(1)
				go func() {
					defer clients.Done()
					c := h2Transport(t, overTLS)
					for {
						resp, err := c.Post(url(r.addr, overTLS, fmt.Sprintf("/?ms=%d", i%4)), "", http.NoBody)
						if err != nil {
							var op *net.OpError
							assert.ErrorAs(t, err, &op)
							assert.Equal(t, "dial", op.Op, "%v", err)
							return
						}
						body, err := io.ReadAll(resp.Body)
						_ = resp.Body.Close()
						assert.NoError(t, err)
						assert.Equal(t, answer, string(body))
						if answered.Add(1) == 2000 {
							close(enough)
						}
					}
				}()
			}
			<-enough
			_, took := r.drains(t)
			clients.Wait()
			assert.Less(t, took, 500*time.Millisecond*slack)
		}
	})
}
