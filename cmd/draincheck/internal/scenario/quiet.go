//go:build unix

package scenario

import (
	"net/url"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

var firstRequest = &Scenario{
	Name:   "firstrequest",
	Title:  "connections whose first request comes just after the signal",
	Needs:  needsURL,
	Settle: 100 * time.Millisecond,
	Play: func(c *Client) {
		conn := c.Dial(c.To(c.URL))
		if conn == nil {
			return
		}
		defer c.Hangup(conn)
		c.Ready()
		if !c.AwaitSignal() {
			return
		}
		c.Pause(firstDelay + firstSpread*time.Duration(c.id)/time.Duration(c.Plan.Conns))
		c.ask(conn, c.request(c.URL), true)
	},
}

const (
	firstDelay  = 300 * time.Microsecond
	firstSpread = 30 * time.Millisecond
)

var idle = &Scenario{
	Name:   "idle",
	Title:  "kept connections that have been quiet for a second",
	Needs:  needsURL,
	Settle: 1200 * time.Millisecond,
	Play: func(c *Client) {
		conn := c.Dial(c.To(c.URL))
		if conn == nil {
			return
		}
		defer c.Hangup(conn)
		kept := c.ask(conn, c.request(c.URL), true)
		c.Ready()
		if kept {
			c.awaitEnd(conn)
		}
	},
}

var silent = &Scenario{
	Name:   "silent",
	Title:  "connections that never say anything",
	Needs:  needsURL,
	Settle: 150 * time.Millisecond,
	Play:   func(c *Client) { c.sayOnly(c.URL, nil) },
}

var halfHeader = &Scenario{
	Name:   "halfheader",
	Title:  "half a request header, and never the rest",
	Needs:  needsURL,
	Settle: 150 * time.Millisecond,
	Play: func(c *Client) {
		request := c.request(c.URL)
		c.sayOnly(c.URL, request[:len(request)/2])
	},
}

// sayOnly says so much, which is no request, and then nothing. It speaks TCP, also to a TLS port.
func (c *Client) sayOnly(u *url.URL, some []byte) {
	conn := c.Dial(wire.Dialler{Addr: address(u)})
	if conn == nil {
		return
	}
	defer c.Hangup(conn)
	if len(some) > 0 {
		conn.Write(some)
	}
	c.Ready()
	c.awaitEnd(conn)
}
