package servers_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/servers"
)

// While nothing is being drained, a managed server answers with the same bytes as
// a bare http.Server, and ends its connections in the same way, whatever the client
// sends. These are the oddities of HTTP/1; HTTP/2's are h2spec's and
// h2behaviour_test.go's.

// oddity is what a client writes, in pieces, and whether it then half-closes.
type oddity struct {
	name      string
	send      []string
	halfClose bool
	abort     bool // closes the connection instead of reading
}

const host = "Host: test\r\n"

var oddities = []oddity{
	{name: "HTTP/1.0", send: []string{"GET /hello HTTP/1.0\r\n\r\n"}},
	{name: "HTTP/1.0 keep-alive", send: []string{"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /hello HTTP/1.0\r\n\r\n"}},
	{name: "HTTP/1.0 keep-alive without a length", send: []string{"GET /flush HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"}},
	{name: "HTTP/2.0 as a version", send: []string{"GET / HTTP/2.0\r\n" + host + "\r\n"}},
	{name: "HTTP/1.9", send: []string{"GET /hello HTTP/1.9\r\n" + host + "\r\n"}},
	{name: "no host", send: []string{"GET /hello HTTP/1.1\r\n\r\n"}},
	{name: "two hosts", send: []string{"GET /hello HTTP/1.1\r\n" + host + host + "\r\n"}},
	{name: "absolute form", send: []string{"GET http://other/hello HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "garbage", send: []string{"\x16\x03\x01\x00\xff\r\n\r\n"}},
	{name: "empty lines first", send: []string{"\r\n\r\nGET /hello HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "bare line feeds", send: []string{"GET /hello HTTP/1.1\nHost: test\n\n"}},
	{name: "a header in pieces", send: []string{"GET /hel", "lo HTTP/1.1\r", "\nHost: te", "st\r\n", "\r", "\n"}},
	{name: "a folded header", send: []string{"GET /hello HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n"}},
	{name: "a bad header name", send: []string{"GET /hello HTTP/1.1\r\n" + host + "Bad Name: x\r\n\r\n"}},
	{name: "a space before the colon", send: []string{"GET /hello HTTP/1.1\r\n" + host + "X : y\r\n\r\n"}},
	{name: "a header that is too large", send: []string{"GET /hello HTTP/1.1\r\n" + host + "X: " + strings.Repeat("x", 1<<20+8192) + "\r\n\r\n"}},
	{name: "two lengths", send: []string{"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"}},
	{name: "length and chunks", send: []string{"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}},
	{name: "an unknown transfer coding", send: []string{"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n"}},
	{name: "a negative length", send: []string{"POST /echo HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n"}},
	{name: "HEAD", send: []string{"HEAD /hello HTTP/1.1\r\n" + host + "\r\n", "GET /hello HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "HEAD of a stream", send: []string{"HEAD /flush HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "OPTIONS *", send: []string{"OPTIONS * HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "TRACE", send: []string{"TRACE /hello HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "a method of one's own", send: []string{"BREW /hello HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "204", send: []string{"GET /status?204 HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "304", send: []string{"GET /status?304 HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "nothing written", send: []string{"GET /nothing HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "early hints", send: []string{"GET /hints HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "expect: the handler reads", send: []string{"POST /echo HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", "hi"}},
	{name: "expect: the handler does not read", send: []string{"POST /hello HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"}},
	{name: "expect: something else", send: []string{"POST /echo HTTP/1.1\r\n" + host + "Expect: a miracle\r\nContent-Length: 2\r\n\r\nhi"}},
	{name: "chunked upload", send: []string{"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n", "2;x=y\r\nhi\r\n", "0\r\n\r\n"}},
	{name: "chunked upload with trailers", send: []string{"POST /trailers HTTP/1.1\r\n" + host + "Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: trailing\r\n\r\n"}},
	{name: "a bad chunk", send: []string{"POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"}},
	{name: "pipelining in one write", send: []string{"GET /hello HTTP/1.1\r\n" + host + "\r\nPOST /echo HTTP/1.1\r\n" + host + "Content-Length: 2\r\n\r\nhiGET /hello HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "pipelining behind a slow answer", send: []string{"GET /slow HTTP/1.1\r\n" + host + "\r\n", "GET /hello HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "pipelining behind an unread body", send: []string{"POST /hello HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\n12345GET /hello HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "Connection: close", send: []string{"GET /hello HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n"}},
	{name: "Connection: close among others", send: []string{"GET /hello HTTP/1.1\r\n" + host + "Connection: foo, close\r\n\r\n"}},
	{name: "the handler closes", send: []string{"GET /close HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "the handler says Connection: foo", send: []string{"GET /token HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "a range", send: []string{"GET /file HTTP/1.1\r\n" + host + "Range: bytes=2-5\r\n\r\n"}},
	{name: "many ranges", send: []string{"GET /file HTTP/1.1\r\n" + host + "Range: bytes=90-, 200-300\r\n\r\n"}},
	{name: "a range that is not there", send: []string{"GET /file HTTP/1.1\r\n" + host + "Range: bytes=999-\r\n\r\n"}},
	{name: "trailers", send: []string{"GET /trailing HTTP/1.1\r\n" + host + "TE: trailers\r\n\r\n"}},
	{name: "less than was announced", send: []string{"GET /short HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "more than was announced", send: []string{"GET /long HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "a second header", send: []string{"GET /twice HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "a panic", send: []string{"GET /panic HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "a panic after the header", send: []string{"GET /panic-late HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "ErrAbortHandler", send: []string{"GET /abort HTTP/1.1\r\n" + host + "\r\n"}},
	{name: "a hijack with buffered bytes", send: []string{"GET /hijack HTTP/1.1\r\n" + host + "\r\nbuffered"}, halfClose: true},
	{name: "CONNECT", send: []string{"CONNECT test:443 HTTP/1.1\r\n" + host + "\r\n", "through"}, halfClose: true},
	{name: "a half-closed client", send: []string{"GET /slow HTTP/1.1\r\n" + host + "\r\n"}, halfClose: true},
	{name: "half a request and the end", send: []string{"GET /hello HTT"}, halfClose: true},
	{name: "an upload that ends early", send: []string{"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 10\r\n\r\nhi"}, halfClose: true},
	{name: "an aborted upload", send: []string{"POST /echo HTTP/1.1\r\n" + host + "Content-Length: 10\r\n\r\nhi"}, abort: true},
	{name: "a large unread body", send: []string{"POST /hello HTTP/1.1\r\n" + host + "Content-Length: 400000\r\n\r\n", strings.Repeat("x", 300000)}},
	{name: "full duplex", send: []string{"POST /duplex HTTP/1.1\r\n" + host + "Content-Length: 4\r\n\r\nab", "cd"}},
	{name: "the writer's own types", send: []string{"GET /types HTTP/1.1\r\n" + host + "\r\n"}},
}

// oddHandler does everything a handler should not, and some that it may.
func oddHandler() http.Handler {
	mux := http.NewServeMux()
	on := func(path string, f http.HandlerFunc) { mux.HandleFunc(path, f) }
	on("/hello", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	on("/nothing", func(http.ResponseWriter, *http.Request) {})
	on("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%q %v", body, err)
	})
	on("/flush", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "one ")
		w.(http.Flusher).Flush()
		fmt.Fprint(w, "two")
	})
	on("/status", func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscan(r.URL.RawQuery, &status)
		w.WriteHeader(status)
	})
	on("/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</x>")
		w.WriteHeader(http.StatusEarlyHints)
		fmt.Fprint(w, "hinted")
	})
	on("/trailers", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, r.Trailer.Get("X"))
	})
	on("/slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(30 * time.Millisecond) // that the answer takes time is the subject
		fmt.Fprint(w, "slow ", r.Context().Err())
	})
	on("/close", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	on("/token", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "foo") })
	on("/file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		http.ServeContent(w, r, "file", time.Unix(1, 0), bytes.NewReader(bytes.Repeat([]byte("0123456789"), 10)))
	})
	on("/trailing", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X")
		fmt.Fprint(w, "body")
		w.Header().Set("X", "trailing")
		w.Header().Set(http.TrailerPrefix+"Y", "undeclared")
	})
	on("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "short")
	})
	on("/long", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		_, err := fmt.Fprint(w, "too long")
		if !errors.Is(err, http.ErrContentLength) {
			fmt.Fprint(w, err)
		}
	})
	on("/twice", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK)
	})
	on("/panic", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	on("/panic-late", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "begun")
		w.(http.Flusher).Flush()
		panic("on purpose")
	})
	on("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	on("/hijack", takeOver)
	on("/duplex", func(w http.ResponseWriter, r *http.Request) {
		err := http.NewResponseController(w).EnableFullDuplex()
		first, last := make([]byte, 2), make([]byte, 2)
		_, _ = io.ReadFull(r.Body, first)
		fmt.Fprintf(w, "%v %s ", err, first)
		w.(http.Flusher).Flush()
		_, _ = io.ReadFull(r.Body, last)
		fmt.Fprintf(w, "%s", last)
	})
	on("/types", func(w http.ResponseWriter, _ *http.Request) {
		_, flusher := w.(http.Flusher)
		_, hijacker := w.(http.Hijacker)
		_, readerFrom := w.(io.ReaderFrom)
		_, stringWriter := w.(io.StringWriter)
		_, pusher := w.(http.Pusher)
		rc := http.NewResponseController(w)
		fmt.Fprint(w, flusher, hijacker, readerFrom, stringWriter, pusher, rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{}))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			takeOver(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func takeOver(w http.ResponseWriter, _ *http.Request) {
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer nc.Close()
	fmt.Fprint(rw, "HTTP/1.1 200 OK\r\n\r\ntaken ")
	_, _ = io.Copy(rw, rw)
	_ = rw.Flush()
}

func TestHTTP1OdditiesAreUntouched(t *testing.T) {
	for name, config := range map[string]*tls.Config{"http": nil, "https": {Certificates: []tls.Certificate{testCertificate(t)}}} {
		t.Run(name, func(t *testing.T) {
			bare := bareServer(t, config)
			srv := &http.Server{Addr: "127.0.0.1:0", Handler: oddHandler(), TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0)}
			managed := grow(t, quick(), servers.HTTP(srv, servers.HTTPOptions{Name: "odd"})).addr("odd")
			want, got := make([]string, len(oddities)), make([]string, len(oddities))
			var all sync.WaitGroup
			for i, o := range oddities {
				all.Go(func() { want[i] = o.play(t, bare, config != nil, 500*time.Millisecond) })
				all.Go(func() { got[i] = o.play(t, managed, config != nil, 500*time.Millisecond) })
			}
			all.Wait()
			for i, o := range oddities {
				if want[i] != got[i] { // the machine may have been slow
					want[i] = o.play(t, bare, config != nil, 3*time.Second)
					got[i] = o.play(t, managed, config != nil, 3*time.Second)
				}
				t.Logf("%s: %.300q", o.name, want[i])
				assert.Equal(t, want[i], got[i], o.name)
			}
		})
	}
}

func bareServer(t *testing.T, config *tls.Config) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := &http.Server{Handler: oddHandler(), TLSConfig: config.Clone(), ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if config != nil {
			_ = srv.ServeTLS(ln, "", "")
		} else {
			_ = srv.Serve(ln)
		}
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return ln.Addr().String()
}

var dates = regexp.MustCompile(`(?m)^Date: .*$`)

var boundaries = regexp.MustCompile(`[0-9a-f]{60}`)

// play is what the client sees, and how it ends.
func (o oddity) play(t *testing.T, addr string, overTLS bool, patience time.Duration) (seen string) {
	sock, err := net.Dial("tcp", addr)
	if !assert.NoError(t, err) {
		return ""
	}
	defer sock.Close()
	var c net.Conn = sock
	if overTLS {
		c = tls.Client(sock, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	for i, piece := range o.send {
		if i > 0 {
			time.Sleep(5 * time.Millisecond) // pieces that arrive apart are the subject
		}
		_, _ = io.WriteString(c, piece)
	}
	switch {
	case o.abort:
		_ = sock.(*net.TCPConn).SetLinger(0)
		return ""
	case o.halfClose:
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
	}
	// What does not end in this time stays open.
	_ = c.SetReadDeadline(time.Now().Add(patience))
	var all bytes.Buffer
	_, err = io.Copy(&all, bufio.NewReader(c))
	end := "closed"
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		end = "open"
	case err != nil:
		end = "reset"
	}
	text := dates.ReplaceAllString(all.String(), "Date: today\r")
	return boundaries.ReplaceAllString(text, "boundary") + "\n[" + end + "]"
}
