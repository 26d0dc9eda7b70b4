package servers_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
)

// h2Transport is net/http's client, with HTTP/2 alone.
func h2Transport(t testing.TB, overTLS bool) *http.Client {
	var p http.Protocols
	p.SetHTTP2(overTLS)
	p.SetUnencryptedHTTP2(!overTLS)
	tr := &http.Transport{Protocols: &p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func url(addr string, overTLS bool, path string) string {
	if overTLS {
		return "https://" + addr + path
	}
	return "http://" + addr + path
}

// bareH2 serves srv without Drain.
func bareH2(t testing.TB, srv *http.Server, overTLS bool) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if overTLS {
			_ = srv.ServeTLS(ln, "", "")
		} else {
			_ = srv.Serve(ln)
		}
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-served
	})
	return ln.Addr().String()
}

// sameAsNetHTTP runs probe against a bare server and a managed one: what it finds
// must be the same.
func sameAsNetHTTP(t *testing.T, make func(overTLS bool) *http.Server, probe func(t *testing.T, c *http.Client, url func(path string) string) string) {
	bothH2(t, func(t *testing.T, overTLS bool) {
		ask := func(addr string) string {
			return probe(t, h2Transport(t, overTLS), func(path string) string { return url(addr, overTLS, path) })
		}
		want := ask(bareH2(t, make(overTLS), overTLS))
		got := ask(serveH2(t, make(overTLS), overTLS, drain.Config{}).addr)
		assert.Equal(t, want, got)
		t.Log(got)
	})
}

func get(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		return "error: " + withoutAddr(err.Error(), url)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return withoutAddr(fmt.Sprintf("%s %d %q %v %v", resp.Proto, resp.StatusCode, body, err, resp.Trailer), url)
}

func withoutAddr(s, url string) string { return strings.ReplaceAll(s, url, "URL") }

type ctxKey struct{}

func TestH2RequestsLookAsNetHTTPMakesThem(t *testing.T) {
	for _, hooked := range []bool{false, true} { // with a ConnState hook the way to the handler is another
		sameAsNetHTTP(t, func(overTLS bool) *http.Server {
			var srv *http.Server
			srv = h2Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx := r.Context()
				local, _ := ctx.Value(http.LocalAddrContextKey).(net.Addr)
				_, _, splitErr := net.SplitHostPort(r.RemoteAddr)
				_, flusher := w.(http.Flusher)
				_, hijacker := w.(http.Hijacker)
				_, pusher := w.(http.Pusher)
				_, stringWriter := w.(io.StringWriter)
				fmt.Fprint(w, r.Proto, r.ProtoMajor, r.Method, r.RequestURI, r.TLS != nil && r.TLS.NegotiatedProtocol == "h2", splitErr,
					ctx.Value(http.ServerContextKey) == any(srv), local != nil && local.String() == r.Host, ctx.Value(ctxKey{}),
					flusher, hijacker, pusher, stringWriter, r.ContentLength, r.Body == http.NoBody)
			}), overTLS)
			srv.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
				return context.WithValue(ctx, ctxKey{}, fmt.Sprintf("%T", nc))
			}
			if hooked {
				srv.ConnState = func(net.Conn, http.ConnState) {}
			}
			return srv
		}, func(t *testing.T, c *http.Client, url func(string) string) string {
			return get(t, c, url("/path?query=1"))
		})
	}
}

func TestH2ConnStateIsCalledAsNetHTTPDoes(t *testing.T) {
	bothH2(t, func(t *testing.T, overTLS bool) {
		states := func(serve func(srv *http.Server) (addr string, stop func())) []string {
			var mu sync.Mutex
			var seen []string
			closed := make(chan struct{})
			srv := h2Server(http.HandlerFunc(slow), overTLS)
			srv.ConnState = func(nc net.Conn, s http.ConnState) {
				mu.Lock()
				defer mu.Unlock()
				_, isTLS := nc.(*tls.Conn)
				seen = append(seen, fmt.Sprintf("%v tls=%v", s, isTLS))
				if s == http.StateClosed {
					close(closed)
				}
			}
			addr, stop := serve(srv)
			defer stop()
			c := dialH2(t, addr, overTLS).listen()
			c.fetch(t, "/")
			c.fetch(t, "/")
			c.close()
			<-closed
			mu.Lock()
			defer mu.Unlock()
			return seen
		}
		want := states(func(srv *http.Server) (string, func()) { return bareH2(t, srv, overTLS), func() {} })
		got := states(func(srv *http.Server) (string, func()) {
			return serveH2(t, srv, overTLS, drain.Config{}).addr, func() {}
		})
		assert.Equal(t, want, got)
	})
}

func TestH2FeaturesWorkAsInNetHTTP(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Known")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Known", "1")
		w.Header().Set(http.TrailerPrefix+"X-Late", "2")
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(w, r.Body)
		w.Header().Set(http.TrailerPrefix+"X-Sum", fmt.Sprint(n, err, r.Trailer.Get("X-Client")))
	})
	mux.HandleFunc("/duplex", func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		_ = rc.Flush()
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintln(w, "heard", lines.Text())
			_ = rc.Flush()
		}
	})
	mux.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "page")
	})
	mux.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/panic", func(w http.ResponseWriter, r *http.Request) { panic("on purpose") })
	mux.HandleFunc("/early", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "enough") })
	mux.HandleFunc("/form", func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseMultipartForm(10)
		fmt.Fprint(w, err, len(r.MultipartForm.File))
	})
	mk := func(overTLS bool) *http.Server {
		srv := h2Server(mux, overTLS)
		srv.MaxHeaderBytes = 8 << 10
		return srv
	}
	same := func(name string, probe func(t *testing.T, c *http.Client, url func(string) string) string) {
		t.Run(name, func(t *testing.T) { sameAsNetHTTP(t, mk, probe) })
	}
	for _, path := range []string{"/trailers", "/abort", "/panic", "/none"} {
		same(path[1:], func(t *testing.T, c *http.Client, url func(string) string) string { return get(t, c, url(path)) })
	}
	same("a panic ends its stream alone", func(t *testing.T, c *http.Client, url func(string) string) string {
		return get(t, c, url("/panic")) + get(t, c, url("/trailers"))
	})
	same("large upload with a trailer", func(t *testing.T, c *http.Client, url func(string) string) string {
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
		req, err := http.NewRequest("POST", url("/echo"), struct{ io.Reader }{bytes.NewReader(sent)})
		require.NoError(t, err)
		req.Trailer = http.Header{"X-Client": {"yes"}}
		resp, err := c.Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		got, err := io.ReadAll(resp.Body)
		return fmt.Sprint(bytes.Equal(sent, got), err, resp.Trailer)
	})
	same("an upload that nobody reads", func(t *testing.T, c *http.Client, url func(string) string) string {
		resp, err := c.Post(url("/early"), "", bytes.NewReader(make([]byte, 8<<20)))
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		got, err := io.ReadAll(resp.Body)
		return fmt.Sprint(string(got), err)
	})
	same("full duplex", func(t *testing.T, c *http.Client, url func(string) string) string {
		r, w := io.Pipe()
		resp, err := c.Post(url("/duplex"), "", r)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		lines, heard := bufio.NewScanner(resp.Body), ""
		for i := range 3 {
			fmt.Fprintln(w, i)
			lines.Scan()
			heard += lines.Text()
		}
		_ = w.Close()
		return fmt.Sprint(heard, lines.Scan())
	})
	same("early hints", func(t *testing.T, c *http.Client, url func(string) string) string {
		var hints []string
		ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				hints = append(hints, fmt.Sprint(code, h.Get("Link")))
				return nil
			},
		})
		req, err := http.NewRequestWithContext(ctx, "GET", url("/hints"), nil)
		require.NoError(t, err)
		resp, err := c.Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		got, err := io.ReadAll(resp.Body)
		return fmt.Sprint(hints, string(got), err)
	})
	same("a header that is too large", func(t *testing.T, c *http.Client, url func(string) string) string {
		req, err := http.NewRequest("GET", url("/trailers"), nil)
		require.NoError(t, err)
		req.Header.Set("X-Large", strings.Repeat("x", 10<<10))
		resp, err := c.Do(req)
		if err != nil {
			return "refused, by the client if it knows the limit already"
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.Status
	})
	same("OPTIONS *", func(t *testing.T, c *http.Client, url func(string) string) string {
		req, err := http.NewRequest("OPTIONS", url("/"), nil)
		require.NoError(t, err)
		req.URL.Path, req.URL.Opaque = "", "*"
		resp, err := c.Do(req)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = resp.Body.Close() }()
		return fmt.Sprint(resp.StatusCode, resp.Header.Get("Content-Length"))
	})
}

// The files of a form are removed although the handler had a request of its own.
func TestH2FormFilesAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	name := make(chan string, 1)
	srv := h2Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseMultipartForm(1)
		f, err := r.MultipartForm.File["f"][0].Open()
		if assert.NoError(t, err) {
			defer func() { _ = f.Close() }()
			name <- f.(*os.File).Name()
		}
	}), false)
	srv.ConnState = func(net.Conn, http.ConnState) {}
	r := serveH2(t, srv, false, drain.Config{})
	body := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n" +
		strings.Repeat("x", 11<<20) + "\r\n--b--\r\n"
	resp, err := h2Transport(t, false).Post(url(r.addr, false, "/"), "multipart/form-data; boundary=b", strings.NewReader(body))
	require.NoError(t, err)
	_ = resp.Body.Close()
	file := <-name
	r.drains(t)
	assert.NoFileExists(t, file)
}
