//go:build unix

package scenario

import (
	"io"
	"net/url"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

var inFlight = &Scenario{
	Name:   "inflight",
	Title:  "requests being served at the signal",
	Needs:  needsSlow,
	Settle: 150 * time.Millisecond,
	Play:   func(c *Client) { c.beInFlight(c.Slow) },
}

// beInFlight asks a slow URL until the signal comes while it is being served.
func (c *Client) beInFlight(slow *url.URL) {
	conn := c.Dial(c.To(slow))
	if conn == nil {
		return
	}
	defer c.Hangup(conn)
	request := wire.Request("GET", slow, "")
	for c.More() && !c.Signalled() {
		from := time.Now()
		if !c.send(conn, request, true) {
			break
		}
		c.Ready()
		head, err := conn.ReadResponse()
		c.MustServe(slow, head)
		c.Worked(from)
		if !c.judge(head, err) {
			break
		}
	}
	c.Ready()
}

var stream = &Scenario{
	Name:   "stream",
	Title:  "responses begun before the signal, and a next request right behind them",
	Needs:  needs(theStream, "-stream-url"),
	Settle: 50 * time.Millisecond,
	Play: func(c *Client) {
		conn := c.Dial(c.To(c.Stream))
		if conn == nil {
			return
		}
		defer c.Hangup(conn)
		request := wire.Request("GET", c.Stream, "")
		more := true
		for more && c.More() && !c.Signalled() {
			from := time.Now()
			if !c.send(conn, request, true) {
				break
			}
			head, body, err := c.begin(conn, 1)
			c.MustServe(c.Stream, head)
			c.Ready()
			if err == nil {
				_, err = io.Copy(io.Discard, body)
			}
			c.Worked(from)
			more = c.judge(head, err)
		}
		c.Ready()
		if more && c.Signalled() && c.More() {
			// The body has ended, and nobody has said that the connection would.
			c.ask(conn, request, true)
		}
	},
}

var download = &Scenario{
	Name:   "download",
	Title:  "big responses to slow readers",
	Needs:  needs(theDownload, "-download-url"),
	Conns:  atMost(16),
	Settle: 100 * time.Millisecond,
	Play: func(c *Client) {
		to := c.To(c.Download)
		to.Slow = true
		conn := c.Dial(to)
		if conn == nil {
			return
		}
		defer c.Hangup(conn)
		from := time.Now()
		if !c.send(conn, wire.Request("GET", c.Download, ""), true) {
			return
		}
		head, body, err := c.begin(conn, slowStart)
		c.MustServe(c.Download, head)
		c.Ready()
		if err == nil && c.AwaitSignal() {
			err = c.slowly().drain(body)
		}
		c.Worked(from)
		c.judge(head, err)
	},
}

const slowStart = 16 << 10
