//go:build unix

package scenario

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

var events = &Scenario{
	Name:   "sse",
	Title:  "server-sent events",
	Needs:  needs(theSSE, "-sse-url"),
	Settle: 100 * time.Millisecond,
	Play: func(c *Client) {
		conn := c.Dial(c.To(c.SSE))
		if conn == nil {
			return
		}
		defer c.Hangup(conn)
		from := time.Now()
		if !c.send(conn, wire.Request("GET", c.SSE, "", "Accept: text/event-stream"), true) {
			return
		}
		head, err := conn.ReadHead()
		c.MustServe(c.SSE, head)
		if err == nil {
			err = readEvents(conn.Body(head), c.Ready)
		}
		c.Worked(from)
		c.Ready()
		c.judge(head, err)
	},
}

var errMidEvent = errors.New("the stream ended in the middle of an event")

// readEvents reads a stream to its end, which must come between two events.
func readEvents(body io.Reader, begun func()) error {
	buf := make([]byte, 4096)
	var tail []byte
	for {
		n, err := body.Read(buf)
		if n > 0 {
			begun()
			tail = append(tail, buf[:n]...)
			tail = tail[max(0, len(tail)-4):]
		}
		switch {
		case err == nil:
		case err != io.EOF:
			return err
		case len(tail) > 0 && !bytes.HasSuffix(tail, []byte("\n\n")) && !bytes.HasSuffix(tail, []byte("\r\n\r\n")):
			return &wire.Break{How: wire.Closed, Begun: true, Err: errMidEvent}
		default:
			return nil
		}
	}
}
