package servers_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/internal/selfsigned"
	"github.com/godrain/drain/servers"
)

// One http.Server may be served on several listeners, as by net/http; its own Shutdown
// drains all of them, and the end of one is not the end of the others.
func TestOneServerOnSeveralListeners(t *testing.T) {
	hooks := make(chan struct{}, 10)
	srv := &http.Server{Handler: pumpHandler()}
	srv.RegisterOnShutdown(func() { hooks <- struct{}{} })
	on := func(name string) *servers.HTTPServer {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		return servers.HTTP(srv, servers.HTTPOptions{Name: name, Listener: ln})
	}
	tr := grow(t, quick(), on("a"), on("b"), on("c"))
	_, err := tr.Unregister(t.Context(), "c")
	require.NoError(t, err)
	for _, name := range []string{"a", "b"} {
		l := dialLine(t, "tcp", tr.addr(name))
		l.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err := http.ReadResponse(l.r, nil)
		require.NoError(t, err)
		_ = l.Close()
	}
	assert.Empty(t, hooks)
	require.NoError(t, srv.Shutdown(t.Context()))
	report, err := tr.Wait()
	require.NoError(t, err)
	assert.Len(t, report.Servers, 2)
	<-hooks
	assert.Empty(t, hooks)
}

// A handler may abort its answer because of a context of the user's: its client must see
// that something is missing, over HTTP/2 too.
func TestH2AnAnswerThatIsAbortedIsNotWhole(t *testing.T) {
	cert, err := selfsigned.Certificate()
	require.NoError(t, err)
	base, cancel := context.WithCancel(context.Background())
	srv := &http.Server{
		Addr: "127.0.0.1:0", TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}},
		BaseContext: func(net.Listener) context.Context { return base },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "the beginning")
			_ = http.NewResponseController(w).Flush()
			cancel()
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // as httputil.ReverseProxy
		}),
	}
	tr := grow(t, quick(), servers.HTTP(srv, servers.HTTPOptions{Name: "s"}))
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("https://" + tr.addr("s") + "/")
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	require.Error(t, err)
}

// Whoever starts a server again right after its Report need not wait for its release.
func TestAServerIsStartedAgainRightAfterItsReport(t *testing.T) {
	web := servers.HTTP(&http.Server{Addr: "127.0.0.1:0", Handler: pumpHandler()}, servers.HTTPOptions{Name: "web"})
	raw := servers.TCP("127.0.0.1:0", func(context.Context, servers.Conn) {})
	for range 50 {
		tr := grow(t, quick(), web, raw)
		require.NoError(t, tr.drained().Err())
	}
}
