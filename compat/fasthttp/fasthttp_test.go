package fasthttp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"github.com/godrain/drain"
	adapter "github.com/godrain/drain/compat/fasthttp"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func4.1"))
}

func start(t *testing.T, h fasthttp.RequestHandler) (*drain.Handle, string) {
	t.Helper()
	c := drain.Config{Timeout: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)}
	c.IdleGrace = 300 * time.Millisecond
	s := adapter.New("127.0.0.1:0", &fasthttp.Server{Handler: h, NoDefaultServerHeader: true})
	handle, err := c.Start(context.Background(), s)
	require.NoError(t, err)
	return handle, handle.Addrs()["fasthttp"]
}

func echo(ctx *fasthttp.RequestCtx) { ctx.SetBody(ctx.PostBody()) }

// client sends POSTs over one connection and does not retry. It returns what was
// lost: a request that was written and not answered.
func client(addr string, answered *atomic.Int64, warm func()) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil
	}
	defer func() { _ = nc.Close() }()
	r := bufio.NewReader(nc)
	for n := 0; ; n++ {
		body := fmt.Sprint("request ", n)
		_, err := fmt.Fprintf(nc, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if err != nil {
			return fmt.Errorf("request %d was not written: %w", n, err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return fmt.Errorf("request %d was not answered: %w", n, err)
		}
		got, err := io.ReadAll(resp.Body)
		switch {
		case err != nil:
			return err
		case resp.StatusCode == http.StatusRequestTimeout:
			return nil // not processed: repeat it elsewhere
		case string(got) != body:
			return fmt.Errorf("%q was answered %q", body, got)
		}
		answered.Add(1)
		if n == 20 {
			warm()
		}
		if resp.Close {
			return nil
		}
	}
}

func TestNoRequestIsLost(t *testing.T) {
	const clients, stops = 64, 5
	var answered atomic.Int64
	for range stops {
		h, addr := start(t, echo)
		results, warm := make(chan error, clients), make(chan struct{}, clients)
		for range clients {
			go func() { results <- client(addr, &answered, func() { warm <- struct{}{} }) }()
		}
		for range clients {
			<-warm
		}
		r, err := h.Shutdown(context.Background())
		require.NoError(t, err, r)
		for range clients {
			require.NoError(t, <-results)
		}
		require.GreaterOrEqual(t, r.Sum().Drained, clients)
	}
	t.Logf("%d stops, %d requests answered, 0 lost", stops, answered.Load())
}

func TestWorkFinishesAndIdleConnectionsLeave(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	h, addr := start(t, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/slow" {
			close(begun)
			<-finish
		}
		ctx.SetBodyString("done")
	})
	idle, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = idle.Close() }()
	_, _ = io.WriteString(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	r := bufio.NewReader(idle)
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	_, _ = io.ReadAll(resp.Body)

	slow := make(chan string)
	go func() {
		resp, err := http.Get("http://" + addr + "/slow")
		if err != nil {
			slow <- err.Error()
			return
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		slow <- fmt.Sprint(string(body), resp.Close)
	}()
	<-begun
	done := make(chan drain.Report)
	go func() {
		r, _ := h.Shutdown(context.Background())
		done <- r
	}()
	farewell, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestTimeout, farewell.StatusCode)
	_ = idle.Close()
	close(finish)
	require.True(t, strings.HasPrefix(<-slow, "done"))
	require.NoError(t, (<-done).Err())
}
