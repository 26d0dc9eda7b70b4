//go:build unix

package scenario

import (
	"net/url"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

var keepAlive = &Scenario{
	Name:   "keepalive",
	Title:  "kept connections, a request now and then",
	Needs:  needsURL,
	Play:   func(c *Client) { c.keepAsking(c.URL, true) },
	Settle: 50 * time.Millisecond,
}

var rtt = &Scenario{
	Name:    "rtt",
	Title:   "the same, over a longer way (-rtt)",
	Needs:   needsURL,
	Play:    func(c *Client) { c.keepAsking(c.URL, true) },
	Settle:  50 * time.Millisecond,
	Relayed: theURL,
}

var blind = &Scenario{
	Name:   "blind",
	Title:  "the same, by clients that don't look before they write",
	Needs:  needsURL,
	Play:   func(c *Client) { c.keepAsking(c.URL, false) },
	Settle: 50 * time.Millisecond,
}

// keepAsking sends one request after another on a kept connection. Before the signal a connection that the server ended
// is replaced; after it the client's part is over with its connection.
func (c *Client) keepAsking(u *url.URL, careful bool) {
	request := c.request(u)
	for c.More() && !c.Signalled() {
		conn := c.Dial(c.To(u))
		if conn == nil {
			return
		}
		for c.ask(conn, request, careful) {
			c.Ready()
			c.Think()
			if !c.More() {
				break
			}
		}
		c.Hangup(conn)
		c.Ready()
	}
}

var newConn = &Scenario{
	Name:   "newconn",
	Title:  "a new connection for each request",
	Needs:  needsURL,
	Settle: 50 * time.Millisecond,
	Play: func(c *Client) {
		request := wire.Request(c.Method, c.URL, c.Body, "Connection: close")
		for c.More() {
			conn := c.Dial(c.To(c.URL))
			if conn == nil {
				return
			}
			c.ask(conn, request, true)
			c.Hangup(conn)
			c.Ready()
		}
	},
}
