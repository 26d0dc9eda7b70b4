//go:build unix

package scenario

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

var wsIdle = &Scenario{
	Name:   "wsidle",
	Title:  "WebSockets with nothing to say",
	Needs:  needsWS,
	Settle: 150 * time.Millisecond,
	Play: func(c *Client) {
		if conn := c.openWS(c.WS, false); conn != nil {
			defer c.Hangup(conn)
			c.echo(conn)
			c.Ready()
			c.awaitClose(conn, true)
		}
	},
}

var wsMute = &Scenario{
	Name:   "wsmute",
	Title:  "WebSockets whose client never answers the close frame",
	Needs:  needsWS,
	Settle: 150 * time.Millisecond,
	Play: func(c *Client) {
		if conn := c.openWS(c.WS, false); conn != nil {
			defer c.Hangup(conn)
			c.echo(conn)
			c.Ready()
			c.awaitClose(conn, false)
			c.AwaitExit()
		}
	},
}

var wsMessage = &Scenario{
	Name:   "wsmessage",
	Title:  "a big WebSocket message on its way to a slow reader",
	Needs:  needs(theWSBig, "-ws-big-url"),
	Conns:  atMost(16),
	Settle: 100 * time.Millisecond,
	Play: func(c *Client) {
		if conn := c.openWS(c.WSBig, true); conn != nil {
			defer c.Hangup(conn)
			from := time.Now()
			if c.readMessage(conn, c.poseForSignal, from) {
				c.awaitClose(conn, true)
			}
		}
	},
}

// The first is small, and has gone out when the signal comes. The second, queued behind it, fills every buffer on the way.
const (
	queuedFirst  = 4 << 10
	queuedSecond = 2 << 20
)

var wsQueued = &Scenario{
	Name:   "wsqueued",
	Title:  "two echoes queued for a slow reader: the first has gone out, the second is on its way",
	Needs:  needsWS,
	Conns:  atMost(16),
	Settle: 100 * time.Millisecond,
	Play: func(c *Client) {
		conn := c.openWS(c.WS, true)
		if conn == nil {
			return
		}
		defer c.Hangup(conn)
		from := time.Now()
		sent := make(chan struct{})
		go func() { // a server that echoes while it reads takes the second only as we read it
			defer close(sent)
			conn.SendFrame(wire.OpBinary, make([]byte, queuedFirst), false)
			conn.SendFrame(wire.OpBinary, make([]byte, queuedSecond), false)
		}()
		defer func() { conn.Close(); <-sent }()
		if !c.readMessage(conn, nil, from) {
			return
		}
		if c.readMessage(conn, c.poseForSignal, from) {
			c.awaitClose(conn, true)
		}
	},
}

// poseForSignal holds a message that has begun until the signal.
func (c *Client) poseForSignal() {
	c.Ready()
	c.AwaitSignal()
}

// openWS connects and upgrades; a failure before the signal ends the trial.
func (c *Client) openWS(u *url.URL, slow bool) *wire.Conn {
	to := c.To(u)
	to.Slow = slow
	conn := c.Dial(to)
	if conn == nil {
		return nil
	}
	if err := conn.Upgrade(u); err != nil {
		c.Fail(err)
		c.Hangup(conn)
		return nil
	}
	return conn
}

// echo sends a message and awaits it: the handler is then known to run.
func (c *Client) echo(conn *wire.Conn) {
	from := time.Now()
	conn.SendFrame(wire.OpText, []byte("draincheck"), false)
	c.readMessage(conn, nil, from)
}

// errClosing is a close frame where a message was due.
var errClosing = errors.New("a close frame in a message's stead")

// readMessage reads a message, a big one in sips, and counts whether it was whole. first is called when it has begun.
func (c *Client) readMessage(conn *wire.Conn, first func(), from time.Time) bool {
	err := c.message(conn, first)
	c.Worked(from)
	switch {
	case err == nil:
		c.Count(verdict.Answered)
	case errors.Is(err, errClosing):
		c.Count(verdict.LostCut)
	default:
		if c.Signalled() && lossOf(err) != verdict.LostTimedOut {
			c.tally.AddCloseCode(wire.CodeAbnormal)
		}
		c.CountBreak(err)
	}
	return err == nil
}

func (c *Client) message(conn *wire.Conn, first func()) error {
	reader := c.slowly()
	for {
		f, payload, err := c.frame(conn)
		switch {
		case err != nil:
			return err
		case f.Op == wire.OpClose:
			code := closeCode(payload)
			c.tally.AddCloseCode(code)
			return fmt.Errorf("%w (code %d)", errClosing, code)
		case f.Op >= wire.OpClose:
			continue
		}
		if first != nil {
			first()
			first = nil
		}
		if err := reader.drain(conn.Payload(f)); err != nil {
			return err
		}
		if f.Final {
			return nil
		}
	}
}

// frame reads a frame's head, and a control frame's payload with it; pings are answered.
func (c *Client) frame(conn *wire.Conn) (wire.Frame, []byte, error) {
	f, err := conn.ReadFrame()
	if err != nil || f.Op < wire.OpClose {
		return f, nil, err
	}
	payload, err := io.ReadAll(conn.Payload(f))
	if err == nil && f.Op == wire.OpPing {
		conn.SendFrame(wire.OpPong, payload, false)
	}
	return f, payload, err
}

func closeCode(payload []byte) int {
	if len(payload) < 2 {
		return wire.CodeNone
	}
	return int(binary.BigEndian.Uint16(payload))
}

// awaitClose waits for the server's close frame, answers it or doesn't, and waits for the connection's end.
func (c *Client) awaitClose(conn *wire.Conn, answer bool) {
	closed := false
	for {
		f, payload, err := c.frame(conn)
		switch {
		case err != nil:
			c.countClose(closed, err)
			return
		case f.Op < wire.OpClose:
			io.Copy(io.Discard, conn.Payload(f))
		case f.Op == wire.OpClose && !closed:
			closed = true
			c.tally.AddCloseCode(closeCode(payload))
			if answer {
				conn.SendFrame(wire.OpClose, payload, false)
			}
		}
	}
}

// countClose counts a WebSocket's end. One without a close frame is a cut.
func (c *Client) countClose(closed bool, err error) {
	switch {
	case lossOf(err) == verdict.LostTimedOut:
		c.Count(verdict.LeftOpen)
	case closed:
		c.Count(verdict.Ended)
	default:
		c.tally.AddCloseCode(wire.CodeAbnormal)
		c.Count(verdict.LostCut)
	}
}
