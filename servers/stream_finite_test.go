package servers_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
)

// answerIn asks, drains when the handler says that it is at work, and returns what
// the client got.
func answerIn(t *testing.T, client *http.Client, method string, h func(begun chan<- struct{}) http.HandlerFunc) (string, drain.Report) {
	begun := make(chan struct{}, 1)
	c := normal()
	c.IdleGrace = 100 * time.Millisecond
	tr := serveHTTP(t, c, h(begun))
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+tr.addr("http"), http.NoBody)
	require.NoError(t, err)
	body := make(chan string, 1)
	go func() {
		resp, err := client.Do(req)
		if err != nil {
			body <- err.Error()
			return
		}
		all, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			all = fmt.Append(all, " and ", err)
		}
		body <- string(all)
	}()
	<-begun
	report := tr.drained()
	return <-body, report
}

// story sends n events, while somebody listens, and says after the first that it is at work.
func story(w http.ResponseWriter, r *http.Request, n int, begun chan<- struct{}) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range n {
		fmt.Fprintf(w, "data: %d\n\n", i)
		_ = http.NewResponseController(w).Flush()
		if i == 0 {
			begun <- struct{}{}
		}
		time.Sleep(20 * time.Millisecond) // a response in the making is the subject
		if r.Context().Err() != nil {
			return
		}
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// The answer of a language model is no stream without an end: it is waited for.
func TestAStreamThatEndsByItselfIsNotCut(t *testing.T) {
	finite := func(begun chan<- struct{}) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				drain.Finite(r.Context())
			}
			story(w, r, 30, begun)
		}
	}
	clients(t, func(t *testing.T, client *http.Client) {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			body, report := answerIn(t, client, method, finite)
			require.NoError(t, report.Err(), report)
			assert.True(t, strings.HasSuffix(body, "data: 29\n\ndata: [DONE]\n\n"), body)
		}
	})
}

// A proxy whose context is cancelled panics with ErrAbortHandler: what it has copied
// is whole, and ends in order.
func TestAProxiedStreamEndsInOrder(t *testing.T) {
	clients(t, func(t *testing.T, client *http.Client) {
		started := make(chan struct{}, 1)
		upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { story(w, r, 500, started) }))
		defer upstream.Close()
		at, err := neturl.Parse(upstream.URL)
		require.NoError(t, err)
		proxy := httputil.NewSingleHostReverseProxy(at)
		body, report := answerIn(t, client, http.MethodGet, func(begun chan<- struct{}) http.HandlerFunc {
			go func() { begun <- <-started }()
			return proxy.ServeHTTP
		})
		require.NoError(t, report.Err(), report)
		require.True(t, strings.HasSuffix(body, "\n\n"), body)
		require.Less(t, report.Took, 3*time.Second)
	})
}

// What is compressed has no ends of events to be seen: it may end where it is flushed.
func TestACompressedStreamEndsWhereItIsFlushed(t *testing.T) {
	clients(t, func(t *testing.T, client *http.Client) {
		body, report := answerIn(t, client, http.MethodGet, func(begun chan<- struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				defer z.Close()
				for i := 0; r.Context().Err() == nil; i++ {
					fmt.Fprintf(z, "data: %d\n\n", i)
					_ = z.Flush()
					_ = http.NewResponseController(w).Flush()
					if i == 0 {
						begun <- struct{}{}
					}
					time.Sleep(5 * time.Millisecond) // a response in the making is the subject
				}
			}
		})
		require.NoError(t, report.Err(), report)
		require.Less(t, report.Took, 3*time.Second)
		if strings.HasPrefix(body, "\x1f\x8b") { // the client has not asked for it itself
			z, err := gzip.NewReader(bytes.NewReader([]byte(body)))
			require.NoError(t, err)
			all, err := io.ReadAll(z)
			require.NoError(t, err)
			body = string(all)
		}
		require.True(t, strings.HasSuffix(body, "\n\n"), body)
	})
}

// Gin's Stream watches nothing but CloseNotify.
func TestCloseNotifyHearsOfTheDrain(t *testing.T) {
	clients(t, func(t *testing.T, client *http.Client) {
		body, report := answerIn(t, client, http.MethodGet, func(begun chan<- struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				gone := w.(http.CloseNotifier).CloseNotify() //nolint:staticcheck // there are those who ask for it
				fmt.Fprint(w, "data: 0\n\n")
				_ = http.NewResponseController(w).Flush()
				begun <- struct{}{}
				<-gone
				fmt.Fprint(w, "data: bye\n\n")
			}
		})
		require.NoError(t, report.Err(), report)
		require.Less(t, report.Took, 3*time.Second)
		require.Equal(t, "data: 0\n\ndata: bye\n\n", body)
	})
}

// A panic for another reason is one, and leaves no handler behind that is waited for.
func TestAPanicAfterTheStreamHasEnded(t *testing.T) {
	clients(t, func(t *testing.T, client *http.Client) {
		_, report := answerIn(t, client, http.MethodGet, func(begun chan<- struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				fmt.Fprint(w, "data: 0\n\n")
				_ = http.NewResponseController(w).Flush()
				begun <- struct{}{}
				<-r.Context().Done()
				panic("something else")
			}
		})
		require.Equal(t, 1, report.Sum().Crashed, report)
		require.Zero(t, report.Servers[0].Running)
		require.Less(t, report.Took, 3*time.Second)
	})
}
