package drain_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// The promises, as black-box scenarios over the whole tree. Their numbers are
// the README's. The loads that find one loss in a hundred thousand requests are
// cmd/draincheck's; here is one test for each way in which a request can be lost.

func TestP1_RequestInFlightIsAnsweredAndTheCloseAnnounced(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		var clients []*client
		var held []*hold
		for range 50 {
			clients = append(clients, r.dial().get("/hold"))
			held = append(held, r.next())
		}
		reports := r.shutdown()
		for _, h := range held {
			close(h.finish)
		}
		for _, c := range clients {
			resp, body := c.answer()
			assert.Equal(t, "held", body)
			assert.True(t, resp.Close, "Connection: close")
			c.closed()
		}
		report := r.report(reports)
		require.NoError(t, report.Err())
		assert.Equal(t, 50, report.Sum().Drained)
	})
}

func TestP1_PipelinedRequestsAreAllAnswered(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		var clients []*client
		var held []*hold
		for i := range 20 {
			first := "GET /hold HTTP/1.1\r\nHost: test\r\n\r\n"
			c := r.dial()
			if i%2 == 0 { // in one write, hence in one TLS record
				c.send(first + post("two") + post("three"))
			} else {
				c.send(first).send(post("two")).send(post("three"))
			}
			clients = append(clients, c)
			held = append(held, r.next())
		}
		reports := r.shutdown()
		for _, h := range held {
			close(h.finish)
		}
		for _, c := range clients {
			for _, want := range []string{"held", "two", "three"} {
				_, body := c.answer()
				require.Equal(t, want, body)
			}
			_ = c.Close()
		}
		require.NoError(t, r.report(reports).Err())
	})
}

// Where a request ends is not what it looks like.
func TestP1_PipelinedBehindAnyRequestIsAnswered(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		const chunked = "POST /hold HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
		const hello = "GET /hello HTTP/1.1\r\nHost: test:8080\r\n\r\n"
		var clients []*client
		var held []*hold
		for _, sent := range []string{
			chunked + hello, // it ends as the last chunk does
			chunked + "POST /hello HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"GET /hold HTTP/1.1\nHost: test\n\n" + hello, // lines end without a carriage return
		} {
			clients = append(clients, r.dial().send(sent))
			held = append(held, r.next())
		}
		reports := r.shutdown()
		for i, c := range clients {
			close(held[i].finish)
			for _, want := range []string{"held", "hello"} {
				_, body := c.answer()
				require.Equal(t, want, body, "client %d", i)
			}
			_ = c.Close()
		}
		require.NoError(t, r.report(reports).Err())
	})
}

func TestP1_FirstRequestAfterShutdownIsAnswered(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		var clients []*client
		for range 50 {
			clients = append(clients, r.dial())
		}
		reports := r.shutdown()
		for _, c := range clients {
			resp, body := c.send(post("first")).answer()
			assert.Equal(t, "first", body)
			assert.True(t, resp.Close)
			c.closed()
		}
		require.NoError(t, r.report(reports).Err())
	})
}

func TestP1_HotConnectionIsAnsweredOnceMore(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		c := r.dial()
		c.get("/hello").answer()
		reports := r.shutdown()
		resp, body := c.get("/hello").answer()
		assert.Equal(t, "hello", body)
		assert.True(t, resp.Close)
		c.closed()
		require.NoError(t, r.report(reports).Err())
	})
}

func TestP1_ResponseBegunBeforeShutdownThenTheNextRequest(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		c := r.dial().get("/begin")
		h := r.next()
		reports := r.shutdown()
		close(h.finish)
		resp, body := c.answer()
		assert.Equal(t, "begin end", body)
		assert.False(t, resp.Close, "its header was written before")
		resp, body = c.get("/hello").answer()
		assert.Equal(t, "hello", body)
		assert.True(t, resp.Close)
		c.closed()
		require.NoError(t, r.report(reports).Err())
	})
}

func TestP1_IdleConnectionLeavesWithACompleteFarewell(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		c := drain.Config{}
		c.IdleGrace = -1
		r := start(t, c, tls)
		idle := r.dial()
		idle.get("/hello").answer()
		reports := r.shutdown()
		resp, _ := idle.answer()
		assert.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
		assert.True(t, resp.Close)
		idle.closed()
		require.NoError(t, r.report(reports).Err())
	})
}

func TestP1_FarewellCanBeSwitchedOff(t *testing.T) {
	c := drain.Config{}
	c.IdleGrace, c.NoFarewell = -1, true
	r := start(t, c, false)
	idle := r.dial()
	idle.get("/hello").answer()
	reports := r.shutdown()
	idle.closed()
	require.NoError(t, r.report(reports).Err())
}

func TestP1_HalfHeaderGetsThe408(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		c := drain.Config{}
		c.IdleGrace = 50 * time.Millisecond
		r := start(t, c, tls)
		half := r.dial().send("GET /hello HTTP/1.1\r\nHo")
		dripping := r.dial().send("GET /hello HTTP/1.1\r\nX: ")
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			for {
				if _, err := io.WriteString(dripping, "x"); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond) // the drip is the subject
			}
		}()
		reports := r.shutdown()
		for _, c := range []*client{half, dripping} {
			resp, _ := c.answer()
			assert.Equal(t, http.StatusRequestTimeout, resp.StatusCode)
			_ = c.raw.Close()
		}
		<-stop
		report := r.report(reports)
		require.NoError(t, report.Err())
		assert.Less(t, report.Took, 5*time.Second)
	})
}

func TestP1_HalfHeaderThatGoesOnIsServed(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		c := r.dial().send("GET /hello HTTP/1.1\r\nHo")
		reports := r.shutdown()
		_, body := c.send("st: test\r\n\r\n").answer()
		assert.Equal(t, "hello", body)
		_ = c.Close()
		require.NoError(t, r.report(reports).Err())
	})
}

func TestP4_SilentPeersDoNotHoldTheShutdownUp(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		c := drain.Config{}
		c.IdleGrace, c.Linger = 50*time.Millisecond, 50*time.Millisecond
		r := start(t, c, tls)
		r.dial() // connected, not a byte of a request
		r.dial().get("/hello").answer()
		r.dial().send("GET /")
		silent, err := net.Dial("tcp", r.addr) // over TLS: no hello
		require.NoError(t, err)
		defer silent.Close()
		waitOpen(t, r, 4)
		report, err := r.Shutdown(t.Context()) // none of them closes its half
		require.NoError(t, err)
		assert.Equal(t, 4, report.Sum().Drained)
		assert.Less(t, report.Took, 3*time.Second)
	})
}

func TestP4_ResponseThatThePeerStillFetchesIsNotIdle(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		c := drain.Config{}
		c.IdleGrace, c.Linger = 50*time.Millisecond, 200*time.Millisecond
		r := start(t, c, tls)
		cl := r.dial().get("/download")
		waitOpen(t, r, 1)
		reports := make(chan drain.Report, 1)
		go func() {
			report, _ := r.Shutdown(t.Context())
			reports <- report
		}()
		resp, err := http.ReadResponse(cl.r, nil)
		require.NoError(t, err)
		var got int64
		for {
			n, err := io.CopyN(io.Discard, resp.Body, 1<<20)
			got += n
			if err == io.EOF {
				break
			}
			require.NoError(t, err, "after %d bytes", got)
			time.Sleep(10 * time.Millisecond) // a slow reader is the subject
		}
		assert.EqualValues(t, 32<<20, got)
		_ = cl.Close()
		require.NoError(t, r.report(reports).Err())
	})
}

func TestP4_EarlyAnswerSurvivesTheUnreadUpload(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{}, tls)
		c := r.dial().send("POST /early HTTP/1.1\r\nHost: test\r\nContent-Length: 8388608\r\n\r\n")
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = c.Write(make([]byte, 8<<20))
		}()
		reports := make(chan drain.Report, 1)
		go func() {
			report, _ := r.Shutdown(t.Context())
			reports <- report
		}()
		<-sent
		_, body := c.answer()
		assert.Len(t, body, 2<<20)
		_ = c.Close()
		require.NoError(t, r.report(reports).Err())
	})
}

func TestP4_QuietTunnelIsClosedAndABusyOneIsNot(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		c := drain.Config{}
		c.IdleGrace = 300 * time.Millisecond
		r := start(t, c, tls)
		tunnel := r.dial().get("/hijack")
		line, err := tunnel.r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "tunnel\n", line)
		reports := r.shutdown()
		for i := range 20 { // longer than the grace in all, never quiet for as long
			echo := fmt.Sprintf("echo %d\n", i)
			tunnel.send(echo)
			line, err := tunnel.r.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, echo, line)
			time.Sleep(30 * time.Millisecond) // a tunnel in use is the subject
		}
		tunnel.closed()
		require.NoError(t, r.report(reports).Err())
	})
}

func TestP7_ReportNamesWhatWasCut(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{Timeout: time.Second}, tls)
		c := r.dial().get("/hold?password=secret")
		h := r.next()
		defer close(h.finish)
		report, err := r.Shutdown(t.Context())
		require.ErrorIs(t, err, drain.ErrCut)
		sum := report.Sum()
		assert.Equal(t, 1, sum.Killed)
		assert.Equal(t, 1, sum.Lost)
		assert.Equal(t, 1, sum.Running, "the handler ignores its context")
		require.Len(t, report.Servers[0].Stragglers, 1)
		s := report.Servers[0].Stragglers[0]
		assert.Equal(t, c.raw.LocalAddr().String(), s.Peer)
		assert.Equal(t, "GET /hold", s.Request, "without the query")
		assert.Equal(t, messages.StateBusy, s.State)
		assert.True(t, s.Lost)
		assert.Contains(t, report.String(), "GET /hold")
		assert.NotContains(t, report.String(), "secret")
		assert.ErrorIs(t, contextCause(h.r), conns.ErrKilled)
	})
}

// A handler that ends when its context does can still answer before the deadline. What
// it had begun is lost, though: nobody knows what it would have answered.
func TestP7_HandlersHearOfTheDeadlineInTime(t *testing.T) {
	overTLS(t, func(t *testing.T, tls bool) {
		r := start(t, drain.Config{Timeout: 2 * time.Second}, tls)
		c := r.dial().get("/obedient")
		h := r.next()
		report, err := r.Shutdown(t.Context())
		require.ErrorIs(t, err, drain.ErrCut, "%v", report)
		assert.Equal(t, 1, report.Sum().Drained)
		assert.Equal(t, 1, report.Sum().Lost)
		require.Len(t, report.Servers[0].Stragglers, 1)
		assert.Equal(t, "GET /obedient", report.Servers[0].Stragglers[0].Request)
		assert.ErrorIs(t, contextCause(h.r), drain.ErrKilled)
		answer, _ := c.answer()
		assert.Equal(t, http.StatusInternalServerError, answer.StatusCode)
	})
}

// exchange does one request on a new connection.
func exchange(nc net.Conn, overTLS bool) bool {
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	c := secure(nc, overTLS)
	if _, err := io.WriteString(c, "POST /echo HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"); err != nil {
		return false
	}
	all, err := io.ReadAll(c)
	return err == nil && strings.HasSuffix(string(all), "hi")
}
