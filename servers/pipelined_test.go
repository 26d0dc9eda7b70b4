package servers_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A request that was pipelined is taken over: net/http's background read, which may
// have got to the socket before the handler began, is aborted for it. Which of the
// two is first is a race: it is run until both were, in all likelihood.
func TestPipelinedRequestIsTakenOver(t *testing.T) {
	addr, _ := serve(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hijack" {
			return
		}
		nc, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			_, _ = io.WriteString(nc, "taken over")
			_ = nc.Close()
		}
	})})
	for range 500 {
		l := dialLine(t, "tcp", addr)
		l.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /hijack HTTP/1.1\r\nHost: x\r\n\r\n")
		answers, err := io.ReadAll(l)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(answers), "taken over"), "%q", answers)
		_ = l.Close()
	}
}
