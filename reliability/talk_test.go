package reliability

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/net/http2"
)

// streamsAtOnce is how many requests a client of HTTP/2 has in progress at most.
const streamsAtOnce = 4

// talkHTTP2 opens streams, some at a time.
func (c *visit) talkHTTP2() {
	cc, err := (&http2.Transport{AllowHTTP: true}).NewClientConn(c.nc)
	if err != nil {
		c.note(c.first(), "%s: HTTP/2: %v", c.name, err)
		return
	}
	defer cc.Close()
	scheme := "http"
	if c.kind == secure {
		scheme = "https"
	}
	var done atomic.Int64
	for range 1 + c.IntN(4) {
		var streams sync.WaitGroup
		for range 1 + c.IntN(streamsAtOnce) {
			body := fmt.Sprint(c.IntN(1e6))
			path := fmt.Sprintf("/echo?ms=%d", c.IntN(4))
			streams.Go(func() {
				req, _ := http.NewRequest(http.MethodPost, scheme+"://"+c.addr+path, strings.NewReader(body))
				req.GetBody = nil
				before := c.first()
				resp, err := cc.RoundTrip(req)
				if err != nil {
					c.refusedStream(before, err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				switch {
				case err != nil:
					c.note(missed, "%s: HTTP/2 answer cut: %v, from %s", c.name, err, c.sock.LocalAddr())
				case string(got) != body:
					c.Errorf("%s: a wrong answer over HTTP/2: %q, not %q", c.name, got, body)
				default:
					done.Add(1)
					c.note(answered, "")
				}
			})
		}
		streams.Wait()
		c.heard = done.Load() > 0
		if c.chance(40) {
			c.pause(c.upTo(10 * time.Millisecond))
		}
		if !c.heard || !cc.CanTakeNewRequest() {
			return
		}
	}
	if c.chance(20) {
		_ = c.sock.SetLinger(0)
	}
}

// refusedStream classifies the error of a request over HTTP/2: one that the client
// may repeat without a doubt has lost nothing.
func (c *visit) refusedStream(unless result, err error) {
	var stream http2.StreamError
	text := err.Error()
	if c.config.Linger < 0 { // the reset may have destroyed the GOAWAY
		unless = excused
	}
	switch {
	case errors.As(err, &stream) && stream.Code == http2.ErrCodeRefusedStream,
		strings.Contains(text, "client conn not usable"), strings.Contains(text, "client connection force closed"),
		strings.Contains(text, "graceful shutdown GOAWAY"), strings.Contains(text, "client conn is closed"):
		c.note(farewell, "")
	default:
		c.note(unless, "%s: HTTP/2: %v, from %s", c.name, err, c.sock.LocalAddr())
	}
}

// talkWebSocket sends messages and waits for their echo, until the end.
func (c *visit) talkWebSocket() {
	u := &url.URL{Scheme: "ws", Host: c.addr, Path: "/ws"}
	ws, resp, err := websocket.NewClient(c.nc, u, http.Header{}, 1024, 1024)
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusRequestTimeout {
			c.note(farewell, "")
			return
		}
		before := c.first()
		if c.config.Linger < 0 || c.config.NoFarewell {
			before = excused
		}
		c.note(before, "%s: no WebSocket: %v", c.name, err)
		return
	}
	c.heard = true
	deaf := c.chance(15)
	for range c.IntN(50) {
		sent := strings.Repeat("x", c.IntN(3000))
		err := ws.WriteMessage(websocket.TextMessage, []byte(sent))
		_, got, read := ws.ReadMessage()
		switch {
		case read == nil && string(got) == sent:
			c.note(answered, "")
		case read == nil:
			c.Errorf("%s: a wrong message: %.50q, not %.50q", c.name, got, sent)
			return
		default:
			c.goodbye(err, read)
			return
		}
		if c.chance(30) {
			c.pause(c.upTo(5 * time.Millisecond))
		}
	}
	switch {
	case c.chance(30):
		_ = c.sock.SetLinger(0) // gone without a word
		c.note(gaveUp, "")
	case c.chance(50):
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
		_, _, _ = ws.ReadMessage()
	case deaf:
		c.pause(c.upTo(200 * time.Millisecond))
	default:
		_, _, err := ws.ReadMessage() // until the drain
		c.goodbye(nil, err)
	}
}

// goodbye judges the end of a WebSocket: it must be a close frame.
func (c *visit) goodbye(sent, err error) {
	if websocket.IsCloseError(err, 1001) {
		c.note(farewell, "")
		return
	}
	if c.config.Linger < 0 || c.config.CloseTimeout < 0 {
		c.note(excused, "") // the reset may have destroyed the close frame
		return
	}
	c.note(missed, "%s: WebSocket ended without a close frame: %v (sent: %v), from %s", c.name, err, sent, c.sock.LocalAddr())
}

// talkTunnel uses a connection that its handler has taken over.
func (c *visit) talkTunnel() {
	_, sent := io.WriteString(c.nc, "GET /tunnel HTTP/1.1\r\nHost: x\r\n\r\n")
	unless := c.first()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		if err == nil || c.config.Linger < 0 || c.config.NoFarewell {
			unless = excused
		}
		c.note(unless, "%s: no tunnel: %v (sent: %v)", c.name, err, sent)
		return
	}
	c.echo()
}

// talkLines speaks to a server of lines.
func (c *visit) talkLines() {
	switch {
	case c.chance(5):
		_, _ = io.WriteString(c.nc, []string{"panic\n", "panic\n", "panic\n", "deaf\n"}[c.IntN(4)])
		_ = c.sock.SetReadDeadline(time.Now().Add(c.upTo(20 * time.Millisecond)))
		_, _ = io.ReadAll(c.nc)
		c.note(gaveUp, "")
	case c.chance(10):
		_, _ = io.WriteString(c.nc, "half a li")
		c.pause(c.upTo(10 * time.Millisecond))
		_ = c.sock.SetLinger(0)
	default:
		c.echo()
	}
}

// echo sends lines and waits for each to come back.
func (c *visit) echo() {
	for range 1 + c.IntN(10) {
		line := fmt.Sprintf("line %d\n", c.IntN(1e6))
		began := time.Now()
		_, sent := io.WriteString(c.nc, line)
		unless := excused
		if c.inTime() && (c.heard || c.kind != given) {
			unless = missed
		}
		c.last = began
		got, err := c.r.ReadString('\n')
		switch {
		case err != nil:
			c.note(unless, "%s: line lost: %v (sent: %v), from %s", c.name, err, sent, c.sock.LocalAddr())
			return
		case got != line:
			c.Errorf("%s: a wrong line: %q, not %q", c.name, got, line)
			return
		}
		c.heard = true
		c.note(answered, "")
		if c.chance(40) {
			c.pause(c.upTo(5 * time.Millisecond))
		}
	}
}
