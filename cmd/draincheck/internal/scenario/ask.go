//go:build unix

package scenario

import (
	"io"
	"net/url"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

// request is the plan's request to a URL.
func (c *Client) request(u *url.URL) []byte { return wire.Request(c.Method, u, c.Body) }

// ask sends one request and reads its response: the unit of the HTTP/1.1 loads. It says whether the connection can carry
// another. A careful client looks before it writes.
func (c *Client) ask(conn *wire.Conn, request []byte, careful bool) bool {
	from := time.Now()
	if !c.send(conn, request, careful) {
		return false
	}
	head, err := conn.ReadResponse()
	c.Worked(from)
	return c.judge(head, err)
}

// send writes a request, and says whether it counts as written.
func (c *Client) send(conn *wire.Conn, request []byte, careful bool) bool {
	if !careful || conn.Look() == wire.Quiet {
		if written, _ := conn.Send(request, careful); written {
			return true
		}
	}
	if c.Signalled() {
		c.Count(verdict.ClosedBefore) // before the signal a server may close what it likes
	}
	return false
}

// judge counts a response that is complete, or isn't, and says whether the connection can carry another request.
func (c *Client) judge(head *wire.Head, err error) bool {
	if err != nil {
		c.CountBreak(err)
		return false
	}
	c.CountResponse(head.Status)
	return !head.Close && head.Status != 408
}

// begin reads a response's head and the first of its body, so that it is known to have begun.
func (c *Client) begin(conn *wire.Conn, first int) (*wire.Head, io.Reader, error) {
	head, err := conn.ReadHead()
	if err != nil {
		return nil, nil, err
	}
	body := conn.Body(head)
	_, err = io.ReadFull(body, make([]byte, first))
	if err == io.ErrUnexpectedEOF || err == io.EOF { // complete, but shorter
		err = nil
	}
	return head, body, err
}

// awaitEnd keeps a connection that carries no request until the server ends it.
func (c *Client) awaitEnd(conn *wire.Conn) {
	buf := make([]byte, 4096)
	for {
		if _, err := conn.Read(buf); err == nil {
			continue
		} else if lossOf(err) == verdict.LostTimedOut {
			c.Count(verdict.LeftOpen)
		} else {
			c.Count(verdict.Ended)
		}
		return
	}
}
