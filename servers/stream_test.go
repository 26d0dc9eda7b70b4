package servers_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/servers"
)

// normal are the default settings, with which the figures of streams are measured.
func normal() drain.Config { return drain.Config{Timeout: 5 * time.Second, Logger: quietLogger} }

func serveHTTP(t *testing.T, c drain.Config, h http.HandlerFunc) *tree {
	return grow(t, c, servers.HTTP(&http.Server{Addr: "127.0.0.1:0", Handler: h, Protocols: both()}))
}

func both() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// clients are one of each protocol, without a connection pool to keep a
// connection that the server wants to end.
func clients(t *testing.T, f func(t *testing.T, c *http.Client)) {
	for _, name := range []string{"HTTP/1.1", "HTTP/2"} {
		t.Run(name, func(t *testing.T) {
			tr := &http.Transport{}
			if name == "HTTP/2" {
				tr.Protocols = new(http.Protocols)
				tr.Protocols.SetUnencryptedHTTP2(true)
			}
			t.Cleanup(tr.CloseIdleConnections)
			f(t, &http.Client{Transport: tr})
		})
	}
}

// ticks sends events until its context ends or, if it watches, the drain begins.
func ticks(watching bool, causes *[2]atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		var draining <-chan struct{}
		if watching {
			draining = drain.Draining(r.Context())
		}
		flush := http.NewResponseController(w).Flush
		tick := time.NewTicker(7 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			fmt.Fprintf(w, "id: %d\r\n", n)
			_ = flush() // an event is cut in two where it can be
			fmt.Fprintf(w, "data: %d\r", n)
			fmt.Fprint(w, "\n\r\n")
			_ = flush()
			select {
			case <-tick.C:
			case <-draining:
				causes[0].Add(1)
				fmt.Fprint(w, "event: bye\ndata: bye\n\n")
				return
			case <-r.Context().Done():
				if context.Cause(r.Context()) == nil {
					return
				}
				causes[1].Add(1)
				return
			}
		}
	}
}

const eventClients = 200

func TestEventStreamsEndAtAnEvent(t *testing.T) {
	for _, watching := range []bool{true, false} {
		t.Run(fmt.Sprintf("watching=%v", watching), func(t *testing.T) {
			var causes [2]atomic.Int64
			clients(t, func(t *testing.T, client *http.Client) {
				causes[0].Store(0)
				causes[1].Store(0)
				tr := serveHTTP(t, normal(), ticks(watching, &causes))
				bodies := make(chan string, eventClients)
				ready := make(chan struct{}, eventClients)
				for range eventClients {
					go func() {
						resp, err := client.Get("http://" + tr.addr("http"))
						if err != nil {
							ready <- struct{}{}
							bodies <- err.Error()
							return
						}
						defer func() { _ = resp.Body.Close() }()
						r := bufio.NewReader(resp.Body)
						first, _ := r.ReadString('\n')
						ready <- struct{}{}
						rest, err := io.ReadAll(r)
						if err != nil {
							rest = []byte(err.Error())
						}
						bodies <- first + string(rest)
					}()
				}
				for range eventClients {
					<-ready
				}
				report := tr.drained()
				t.Log("drained", report.Sum().Drained, "in", report.Took)
				require.NoError(t, report.Err(), report)
				for range eventClients {
					body := <-bodies
					end := body[max(0, len(body)-30):]
					require.True(t, strings.HasSuffix(end, "\n\r\n") || strings.HasSuffix(end, "bye\n\n"), "%q", end)
				}
				if watching {
					require.EqualValues(t, eventClients, causes[0].Load())
				} else {
					require.EqualValues(t, eventClients, causes[1].Load())
				}
				require.LessOrEqual(t, report.Took, 300*time.Millisecond*slack)
			})
		})
	}
}

func TestLongPollIsAnsweredAtOnce(t *testing.T) {
	clients(t, func(t *testing.T, client *http.Client) {
		begun := make(chan struct{})
		tr := serveHTTP(t, quick(), func(w http.ResponseWriter, r *http.Request) {
			drain.Interruptible(r.Context())
			close(begun)
			<-r.Context().Done()
			_, _ = io.WriteString(w, context.Cause(r.Context()).Error())
		})
		answer := make(chan string, 1)
		go func() {
			resp, err := client.Get("http://" + tr.addr("http"))
			if err != nil {
				answer <- err.Error()
				return
			}
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			answer <- string(body)
		}()
		<-begun
		report := tr.drained()
		require.NoError(t, report.Err(), report)
		require.Equal(t, drain.ErrDraining.Error(), <-answer)
		require.Less(t, report.Took, time.Second)
	})
}

// The connection of an interrupted request serves the next one as any other.
func TestRequestAfterAnInterruptedOneHasALiveContext(t *testing.T) {
	begun := make(chan struct{}, 1)
	tr := serveHTTP(t, quick(), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/poll" {
			w.Header().Set("Content-Length", "4")
			_ = http.NewResponseController(w).Flush() // too late to announce anything
			conns.Interruptible(r.Context())
			begun <- struct{}{}
			<-r.Context().Done()
			_, _ = io.WriteString(w, "poll")
			return
		}
		fmt.Fprintf(w, "%v", r.Context().Err())
	})
	l := dialLine(t, "tcp", tr.addr("http"))
	l.send("GET /poll HTTP/1.1\r\nHost: x\r\n\r\n")
	<-begun
	done := make(chan drain.Report)
	go func() { done <- tr.drained() }()
	resp, err := http.ReadResponse(l.r, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "poll", string(body))
	l.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	resp, err = http.ReadResponse(l.r, nil)
	require.NoError(t, err)
	body, _ = io.ReadAll(resp.Body)
	require.Equal(t, "<nil>", string(body))
	require.True(t, resp.Close)
	_ = l.Close()
	require.NoError(t, (<-done).Err())
}

// A handler that looks at nothing but its writes ends too, and not in an event.
func TestEventStreamThatIgnoresItsContextLearnsFromItsWrites(t *testing.T) {
	failed := make(chan error, 1)
	tr := serveHTTP(t, quick(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			if _, err := io.WriteString(w, "data: x\n\n"); err != nil {
				failed <- err
				return
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond) // a response in the making is the subject
		}
	})
	resp, err := http.Get("http://" + tr.addr("http"))
	require.NoError(t, err)
	body := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		body <- string(b)
	}()
	report := tr.drained()
	require.NoError(t, report.Err(), report)
	require.ErrorIs(t, <-failed, drain.ErrDraining)
	require.True(t, strings.HasSuffix(<-body, "x\n\n"))
}
