package servers_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// Connection actors run in the goroutine of whoever sends to them: were one to wait
// for its socket, it would hold the broadcast of Close up for all the others.
func TestAStuckSocketHoldsNobodyUp(t *testing.T) {
	writing := make(chan struct{}, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/stuck", func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
			select {
			case writing <- struct{}{}:
			default:
			}
		}
	})
	mux.Handle("/", pumpHandler())
	config := drain.Config{Timeout: 5 * time.Second, Logger: quietLogger}
	config.IdleGrace = -1
	tr := grow(t, config, servers.HTTP(&http.Server{Addr: "127.0.0.1:0", Handler: mux}))

	const each = 20
	var stuck, idle []*line
	for range each {
		l := dialLine(t, "tcp", tr.addr("http"))
		l.send("GET /stuck HTTP/1.1\r\nHost: test\r\n\r\n")
		<-writing // and nobody reads it
		stuck = append(stuck, l)
		l = dialLine(t, "tcp", tr.addr("http"))
		l.send(pumped)
		resp, err := http.ReadResponse(l.r, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		idle = append(idle, l)
	}
	reports := make(chan drain.Report, 1)
	go func() {
		r, _ := tr.Shutdown(context.Background())
		reports <- r
	}()
	for _, l := range idle { // while all the others are stuck
		resp, err := http.ReadResponse(bufio.NewReader(l), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
		_ = l.Close()
	}
	select {
	case <-reports:
		t.Fatal("the stuck ones are not at their deadline yet")
	default:
	}
	for _, l := range stuck {
		_ = l.Close()
	}
	<-reports
}
