package servers_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/internal/selfsigned"
	"github.com/godrain/drain/servers"
)

// A handler that returns because the deadline has cancelled its request has not answered
// it. Nobody may take what is sent then for a complete answer, but the handler's own words.
func TestNobodyMistakesAnAnswerThatWasGivenUp(t *testing.T) {
	flush := func(w http.ResponseWriter, s string) {
		_, _ = io.WriteString(w, s)
		_ = http.NewResponseController(w).Flush()
	}
	cert, err := selfsigned.Certificate()
	require.NoError(t, err)
	const broken = "broken off"
	type handler = func(w http.ResponseWriter, r *http.Request, cancelled func())
	for name, c := range map[string]struct {
		handler handler // calls cancelled to wait for that
		method  string
		want    string
	}{
		"silently": {func(w http.ResponseWriter, _ *http.Request, cancelled func()) {
			w.Header().Set("Cache-Control", "max-age=3600")
			w.Header().Set("Content-Encoding", "gzip")
			cancelled()
		}, "POST", "500 The server is shutting down, and has not finished this request: what became of it is not known.\n"},
		"in the midst": {func(w http.ResponseWriter, _ *http.Request, cancelled func()) {
			flush(w, "the beginning")
			cancelled()
		}, "GET", broken},
		"in the midst of much": {func(w http.ResponseWriter, _ *http.Request, cancelled func()) {
			_, _ = io.WriteString(w, strings.Repeat("row\n", 5000))
			cancelled()
		}, "GET", broken},
		"behind a small answer": {func(w http.ResponseWriter, _ *http.Request, cancelled func()) {
			_, _ = io.WriteString(w, "done")
			cancelled()
		}, "POST", "200 done"},
		"with a word": {func(w http.ResponseWriter, _ *http.Request, cancelled func()) {
			cancelled()
			http.Error(w, "later, please", http.StatusTeapot)
		}, "GET", "418 later, please\n"},
		"with an end": {func(w http.ResponseWriter, _ *http.Request, cancelled func()) {
			flush(w, "the beginning")
			cancelled()
			_, _ = io.WriteString(w, ", and the end")
		}, "GET", "200 the beginning, and the end"},
		"when everything was said": {func(w http.ResponseWriter, _ *http.Request, cancelled func()) {
			w.WriteHeader(http.StatusNoContent)
			cancelled()
		}, "DELETE", "204 "},
		"when its length was said": {func(w http.ResponseWriter, _ *http.Request, cancelled func()) {
			w.Header().Set("Content-Length", "13")
			w.WriteHeader(http.StatusOK)
			cancelled()
			_, _ = io.WriteString(w, "the beginning")
		}, "GET", "200 the beginning"},
		"of a HEAD": {func(w http.ResponseWriter, _ *http.Request, cancelled func()) {
			w.WriteHeader(http.StatusOK)
			cancelled()
		}, "HEAD", "200 "},
	} {
		for proto, tlsConfig := range map[string]*tls.Config{
			"HTTP/1.1": nil, "HTTP/1.1, TLS": {Certificates: []tls.Certificate{cert}}, "HTTP/2.0": {Certificates: []tls.Certificate{cert}},
		} {
			t.Run(name+", "+proto, func(t *testing.T) {
				t.Parallel()
				inside := make(chan struct{})
				srv := &http.Server{Addr: "127.0.0.1:0", TLSConfig: tlsConfig, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					c.handler(w, r, func() {
						close(inside)
						<-r.Context().Done()
					})
				})}
				config := quick()
				config.Timeout = 500 * time.Millisecond * slack // a busy machine is to have time between cancel and kill
				tr := grow(t, config, servers.HTTP(srv, servers.HTTPOptions{Name: "s"}))
				transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: proto == "HTTP/2.0"}
				defer transport.CloseIdleConnections()
				got := make(chan string, 1)
				go func() {
					scheme := map[bool]string{false: "http", true: "https"}[tlsConfig != nil]
					r, _ := http.NewRequestWithContext(context.Background(), c.method, scheme+"://"+tr.addr("s")+"/", http.NoBody)
					resp, err := transport.RoundTrip(r)
					if err != nil {
						got <- broken
						return
					}
					body, err := io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					if err != nil {
						got <- broken
						return
					}
					assert.Equal(t, proto[:8], resp.Proto)
					got <- fmt.Sprintf("%d %s", resp.StatusCode, body)
				}()
				<-inside
				report, err := tr.Shutdown(t.Context())
				assert.Equal(t, c.want, <-got)
				require.ErrorIs(t, err, drain.ErrCut)
				sum := report.Sum()
				assert.Equal(t, []int{1, 0, 0}, []int{sum.Lost, sum.Crashed, sum.Running}, "%v", report)
			})
		}
	}
}

// A WebSocket's handler may have a request that is cancelled, too.
func TestNothingIsSaidForAHandlerThatHasTakenItsConnectionOver(t *testing.T) {
	inside := make(chan struct{})
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := http.NewResponseController(w).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer nc.Close()
		_, _ = io.WriteString(nc, "mine\n")
		close(inside)
		<-r.Context().Done()
	})}
	config := quick()
	config.Timeout = 400 * time.Millisecond * slack
	config.IdleGrace = time.Minute
	tr := grow(t, config, servers.HTTP(srv, servers.HTTPOptions{Name: "s"}))
	l := dialLine(t, "tcp", tr.addr("s"))
	l.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-inside
	_ = tr.drained()
	all, _ := io.ReadAll(l.r)
	assert.Equal(t, "mine\n", string(all))
}
