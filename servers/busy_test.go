package servers_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/servers"
)

// restless keeps so many requests under way on one connection, until it is told to go.
func restless(addr, request string, window int, answered chan<- struct{}) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	for i := 0; ; i++ {
		ahead := 1
		if i == 0 {
			ahead = window
		}
		if _, err := io.WriteString(nc, strings.Repeat(request, ahead)); err != nil {
			return fmt.Errorf("request %d: %w", i, err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return fmt.Errorf("response %d: %w", i, err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.Close {
			return err // it may repeat what it has sent besides
		}
		if i == 5 {
			answered <- struct{}{}
		}
		time.Sleep(5 * time.Millisecond) // a client that comes back soon is the subject
	}
}

// A client that is back before the grace is over, again and again, is told to go: at
// its next response, or when half the time is over if there may be a request behind
// each of its requests.
func TestABusyConnectionLeavesLongBeforeTheDeadline(t *testing.T) {
	const (
		get     = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
		chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		timeout = 4 * time.Second
	)
	body := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 20000)
	handlers := map[string]http.HandlerFunc{
		"": func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
		"keep-alive": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "keep-alive")
		},
		"reads nothing": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
	}
	for _, c := range []struct {
		name, request, handler string
		window                 int
		within                 time.Duration
	}{
		{"as usual", get, "", 1, timeout / 4},
		{"the handler says keep-alive", get, "keep-alive", 1, timeout / 4},
		{"a body that nobody reads", body, "reads nothing", 1, timeout / 4},
		{"trailers", chunked + "2\r\nok\r\n0\r\nX: y\r\n\r\n", "", 1, timeout / 4},
		{"chunk extensions", chunked + "2;x=y\r\nok\r\n0\r\n\r\n", "", 1, timeout / 4},
		{"an empty line behind the body", chunked + "0\r\n\r\n\r\n", "", 1, timeout * 3 / 4},
		{"a pipeline that never runs dry", get, "", 3, timeout * 3 / 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := quick()
			config.Timeout = timeout
			tr := serveHTTP(t, config, handlers[c.handler])
			answered, ended := make(chan struct{}, 1), make(chan error, 1)
			go func() { ended <- restless(tr.addr("http"), c.request, c.window, answered) }()
			<-answered
			report := tr.drained()
			require.NoError(t, report.Err(), report)
			require.NoError(t, <-ended)
			assert.Less(t, report.Took, c.within*slack)
		})
	}
}

// A protocol that nobody here knows has no word for it: in the second half of the time
// its connections leave between two units of work.
func TestABusyTCPConnectionLeavesBetweenTwoUnits(t *testing.T) {
	config := quick()
	config.Timeout = 2 * time.Second
	tr := grow(t, config, servers.TCP("127.0.0.1:0", func(_ context.Context, c servers.Conn) {
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, line)
			c.Idle()
		}
	}))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	answered, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			if _, err := io.WriteString(l, "x\n"); err != nil {
				return
			}
			if _, err := l.r.ReadString('\n'); err != nil {
				return
			}
			if i == 5 {
				close(answered)
			}
			time.Sleep(5 * time.Millisecond) // a client that comes back soon is the subject
		}
	}()
	<-answered
	report := tr.drained()
	<-ended
	require.NoError(t, report.Err(), report)
}

// A tunnel whose peer has spoken last may be waiting for an answer.
func TestATunnelIsNotClosedOverAnAnswerInTheMaking(t *testing.T) {
	asked := make(chan struct{})
	tr := serveHTTP(t, quick(), func(w http.ResponseWriter, _ *http.Request) {
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer nc.Close()
		_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\n\r\n")
		question, _ := rw.ReadString('\n')
		close(asked)
		time.Sleep(time.Second) // an answer in the making, for longer than the grace, is the subject
		_, _ = io.WriteString(nc, question)
	})
	l := dialLine(t, "tcp", tr.addr("http"))
	l.send("CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n")
	l.expect("HTTP/1.1 200 OK\r\n")
	l.send("answer\n")
	<-asked
	report := tr.drained()
	require.NoError(t, report.Err(), report)
	all, err := io.ReadAll(l.r)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(all), "answer\n"), "%q", all)
}
