package servers_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// serve manages a server until the test ends, and returns where it listens.
func serve(t *testing.T, srv *http.Server, options ...servers.HTTPOptions) (string, *drain.Handle) {
	t.Helper()
	if srv.Addr == "" && (len(options) == 0 || options[0].Listener == nil) {
		srv.Addr = "127.0.0.1:0"
	}
	s := servers.HTTP(srv, options...)
	h, err := drain.Config{Logger: slog.New(slog.DiscardHandler)}.Start(context.Background(), s)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := h.Shutdown(context.Background())
		assert.NoError(t, err)
	})
	return h.Addrs()[s.Name()], h
}

func fetch(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(url)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	_ = resp.Body.Close()
	return resp, string(body)
}

func testCertificate(t *testing.T) tls.Certificate {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	return s.TLS.Certificates[0]
}

type hookKey string

func TestUsersHooksAreChained(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		var states atomic.Int64
		var sawTLS atomic.Bool
		srv := &http.Server{
			ErrorLog: log.New(io.Discard, "", 0),
			BaseContext: func(net.Listener) context.Context {
				return context.WithValue(context.Background(), hookKey("base"), "b")
			},
			ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
				if _, ok := nc.(*tls.Conn); ok {
					sawTLS.Store(true)
				}
				return context.WithValue(ctx, hookKey("conn"), "c")
			},
			ConnState: func(nc net.Conn, s http.ConnState) {
				if _, ok := nc.(*tls.Conn); ok != overTLS {
					t.Errorf("ConnState got a %T", nc)
				}
				states.Add(1 << (8 * int64(s)))
			},
		}
		srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "b", r.Context().Value(hookKey("base")))
			assert.Equal(t, "c", r.Context().Value(hookKey("conn")))
			assert.Same(t, srv, r.Context().Value(http.ServerContextKey))
			assert.NotNil(t, r.Context().Value(http.LocalAddrContextKey))
			assert.Equal(t, overTLS, r.TLS != nil)
			assert.NotNil(t, drain.Draining(r.Context()))
		})
		scheme := "http"
		if overTLS {
			scheme = "https"
			srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}, NextProtos: []string{"http/1.1"}}
		}
		addr, h := serve(t, srv)
		resp, _ := fetch(t, scheme+"://"+addr)
		assert.Equal(t, 1, resp.ProtoMajor)
		_, err := h.Shutdown(t.Context())
		require.NoError(t, err)
		assert.Equal(t, overTLS, sawTLS.Load())
		for _, s := range []http.ConnState{http.StateNew, http.StateActive, http.StateIdle} {
			assert.EqualValues(t, 1, states.Load()>>(8*int64(s))&0xff, s.String())
		}
	}
}

func TestResponseWriterKeepsWhatNetHTTPHas(t *testing.T) {
	addr, _ := serve(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, isFlusher := w.(http.Flusher)
		_, isHijacker := w.(http.Hijacker)
		_, isReaderFrom := w.(io.ReaderFrom)
		_, isStringWriter := w.(io.StringWriter)
		assert.True(t, isFlusher && isHijacker && isReaderFrom && isStringWriter)
		rc := http.NewResponseController(w)
		assert.NoError(t, rc.SetReadDeadline(time.Now().Add(time.Minute)))
		assert.NoError(t, rc.SetWriteDeadline(time.Now().Add(time.Minute)))
		assert.NoError(t, rc.EnableFullDuplex())
		assert.NoError(t, rc.Flush())
	})})
	fetch(t, "http://"+addr)
}

func TestReadDeadlineOfAHandlerHolds(t *testing.T) {
	addr, _ := serve(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.NoError(t, http.NewResponseController(w).SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		_, err := io.ReadAll(r.Body)
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		w.WriteHeader(http.StatusRequestTimeout)
	})})
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer nc.Close()
	_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
}

// spyConn records whether the kernel was asked to copy a file.
type spyConn struct {
	*net.TCPConn
	copied *atomic.Int64
}

func (c spyConn) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if _, ok := l.R.(*os.File); ok {
			c.copied.Add(l.N)
		}
	}
	return c.TCPConn.ReadFrom(r)
}

type spyListener struct {
	net.Listener
	copied atomic.Int64
}

func (l *spyListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return spyConn{nc.(*net.TCPConn), &l.copied}, nil
}

func TestFilesGoBySendfileThroughAListenerThatWraps(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	content := bytes.Repeat([]byte("drain "), 100_000)
	require.NoError(t, os.WriteFile(file, content, 0o600))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	spy := &spyListener{Listener: ln}
	addr, _ := serve(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, file)
	})}, servers.HTTPOptions{Listener: spy})
	_, body := fetch(t, "http://"+addr)
	assert.Equal(t, string(content), body)
	// net/http sniffs the first 512 bytes itself, unless the type is known.
	assert.Greater(t, spy.copied.Load(), int64(len(content)-1024), "net.TCPConn.ReadFrom is sendfile(2)")
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	require.NoError(t, err)
	_, h := serve(t, &http.Server{Handler: http.NotFoundHandler()}, servers.HTTPOptions{Listener: ln})
	nc, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer nc.Close()
	r := bufio.NewReader(nc)
	for range 2 {
		_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	go func() { _, _ = h.Shutdown(context.Background()) }()
	resp, err := http.ReadResponse(r, nil) // it leaves after its grace
	require.NoError(t, err)
	assert.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
}

func TestListenerOfTheUsersThatDoesTLSItself(t *testing.T) {
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}})
	require.NoError(t, err)
	addr, _ := serve(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.NotNil(t, r.TLS)
		_, _ = io.WriteString(w, "over TLS")
	})}, servers.HTTPOptions{Listener: ln})
	_, body := fetch(t, "https://"+addr)
	assert.Equal(t, "over TLS", body)
}

// Who has called http.Server.Serve with a tls.Listener has given both the same
// configuration, most likely.
func TestListenerThatDoesTLSByTheServersOwnConfig(t *testing.T) {
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
		config := &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
		if version == "HTTP/2.0" {
			config.NextProtos = []string{"h2"}
		}
		ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
		require.NoError(t, err)
		addr, _ := serve(t, &http.Server{TLSConfig: config, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.NotNil(t, r.TLS)
			_, _ = io.WriteString(w, r.Proto)
		})}, servers.HTTPOptions{Listener: ln})
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
		resp, err := (&http.Client{Transport: transport}).Get("https://" + addr)
		require.NoError(t, err)
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		transport.CloseIdleConnections()
		assert.Equal(t, version, string(body))
	}
}

func TestBadCertificateIsAClearError(t *testing.T) {
	_, err := drain.Config{Logger: slog.New(slog.DiscardHandler)}.Start(t.Context(),
		servers.HTTP(&http.Server{Addr: "127.0.0.1:0"}, servers.HTTPOptions{CertFile: "no-such.pem", KeyFile: "no-such.key"}))
	require.ErrorContains(t, err, "no-such.pem")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestWhatContradictsItselfIsAClearError(t *testing.T) {
	_, err := drain.Config{}.Start(t.Context(), servers.HTTP(&http.Server{
		Addr: "127.0.0.1:0", TLSConfig: &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert},
	}))
	require.ErrorContains(t, err, "in clear", "and without asking who it is")

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = ln.Close() }()
	given := servers.HTTP(&http.Server{}, servers.HTTPOptions{Listener: ln, ReusePort: true})
	_, err = drain.Config{}.Start(t.Context(), given)
	require.ErrorContains(t, err, "SO_REUSEPORT")
	require.False(t, given.Managed())
}

func TestPlainHTTPToTheTLSPortIsTold(t *testing.T) {
	logged := make(chan string, 10)
	addr, _ := serve(t, &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}},
		ErrorLog:  log.New(lines(logged), "", 0),
	})
	resp, body := fetch(t, "http://"+addr)
	assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
	assert.Contains(t, body, "Client sent an HTTP request to an HTTPS server")
	assert.Contains(t, <-logged, "http: TLS handshake error from")
}

type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// failingListener fails to accept a few times, as a process that is out of
// descriptors does.
type failingListener struct {
	net.Listener
	failures atomic.Int64
}

type tooManyFiles struct{ error }

func (tooManyFiles) Temporary() bool { return true }
func (tooManyFiles) Timeout() bool   { return false }

func (l *failingListener) Accept() (net.Conn, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, tooManyFiles{errors.New("accept4: too many open files")}
	}
	return l.Listener.Accept()
}

func TestAcceptErrorsThatPassAreOutlived(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	failing := &failingListener{Listener: ln}
	failing.failures.Store(3)
	addr, _ := serve(t, &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.NotFoundHandler()},
		servers.HTTPOptions{Listener: failing})
	resp, _ := fetch(t, "http://"+addr)
	assert.Equal(t, http.StatusNotFound, resp.StatusCode)
}

// A handler's context ends when its client is gone, as it does with net/http: whoever
// finds that out, and whether the handler looks before or after it.
func TestContextsEndWhenTheClientIsGone(t *testing.T) {
	const get, post = "GET / HTTP/1.1\r\nHost: test\r\n\r\n", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n"
	for name, c := range map[string]struct {
		request string
		until   func(w http.ResponseWriter, ctx context.Context) // it is gone
	}{
		"look first": {get, func(_ http.ResponseWriter, ctx context.Context) { <-ctx.Done() }},
		"derive first": {get, func(_ http.ResponseWriter, ctx context.Context) {
			child, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-child.Done()
		}},
		"look afterwards": {get, func(w http.ResponseWriter, _ context.Context) {
			<-w.(http.CloseNotifier).CloseNotify() //nolint:staticcheck // it tells when net/http knows
		}},
		"write": {post, func(w http.ResponseWriter, _ context.Context) { // its body has not been read: nobody reads on
			for http.NewResponseController(w).Flush() == nil {
				_, _ = w.Write(make([]byte, 1<<10))
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			begun, ended := make(chan struct{}), make(chan error)
			tr := serveHTTP(t, quick(), func(w http.ResponseWriter, r *http.Request) {
				begun <- struct{}{}
				c.until(w, r.Context())
				<-r.Context().Done()
				ended <- context.Cause(r.Context())
			})
			nc, err := net.Dial("tcp", tr.addr("http"))
			require.NoError(t, err)
			_, err = io.WriteString(nc, c.request)
			require.NoError(t, err)
			<-begun
			require.NoError(t, nc.(*net.TCPConn).SetLinger(0)) // a reset
			require.NoError(t, nc.Close())
			require.Equal(t, context.Canceled, <-ended)
		})
	}
}
