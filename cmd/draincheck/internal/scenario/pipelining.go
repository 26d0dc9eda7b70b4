//go:build unix

package scenario

import (
	"bytes"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

const pipelined = 3

var pipelining = &Scenario{
	Name:   "pipelining",
	Title:  "three requests written at once (the first slow, with -slow-url)",
	Needs:  needsURL,
	Settle: 100 * time.Millisecond,
	Play: func(c *Client) {
		conn := c.Dial(c.To(c.URL))
		if conn == nil {
			return
		}
		defer c.Hangup(conn)
		if !c.ask(conn, c.request(c.URL), true) {
			c.Ready() // no kept connections, no pipelining
			return
		}
		batch := bytes.Repeat(c.request(c.URL), pipelined)
		if c.Slow != nil && address(c.Slow) == address(c.URL) {
			// The signal comes while the first is being served, the others behind it.
			batch = append(wire.Request("GET", c.Slow, ""), bytes.Repeat(c.request(c.URL), pipelined-1)...)
			c.pipeline(conn, batch, c.Ready)
			return
		}
		for c.More() && c.pipeline(conn, batch, func() {}) {
			c.Ready()
			c.Think()
		}
		c.Ready()
	},
}

// pipeline writes a batch and reads its responses; it says whether the connection can carry another.
func (c *Client) pipeline(conn *wire.Conn, batch []byte, written func()) bool {
	from := time.Now()
	if !c.send(conn, batch, true) {
		return false
	}
	strict := !c.Signalled() // whoever wrote before the signal must have an answer
	written()
	announced := false
	for i := range pipelined {
		head, err := conn.ReadResponse()
		if err == nil {
			c.CountResponse(head.Status)
			announced = announced || head.Close
			continue
		}
		c.Worked(from)
		c.breakPipeline(err, pipelined-i, announced && !strict)
		return false
	}
	c.Worked(from)
	return !announced
}

// breakPipeline counts the requests of a batch that have no response. Behind a "Connection: close" a client knows that
// they were not processed (RFC 9112, 9.6); that excuses the server only for those written after the signal.
func (c *Client) breakPipeline(err error, missing int, excused bool) {
	for i := range missing {
		switch loss := lossOf(err); {
		case excused:
			c.Count(verdict.Repeat)
		case i > 0 && loss == verdict.LostCut: // only the first of them had begun
			c.Count(verdict.LostClosed)
		default:
			c.Count(loss)
		}
	}
}
