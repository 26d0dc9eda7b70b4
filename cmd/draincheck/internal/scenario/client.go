//go:build unix

package scenario

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"syscall"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

// Client is one player: its connection, or one after another, its counts and its line of the picture. Only its own
// goroutine touches it until it has finished.
type Client struct {
	*Stage
	cast *cast
	id   int

	tally        verdict.Tally
	line         verdict.Line
	connections  int
	lastResponse time.Time
	begun        int
	isReady      bool
}

// Ready says that the client is in its pose. Only the first call counts.
func (c *Client) Ready() {
	if !c.isReady {
		c.isReady = true
		c.cast.ready <- struct{}{}
	}
}

// Fail ends the trial: what the scenario needs could not be set up. After the signal it is too late for that.
func (c *Client) Fail(err error) {
	select {
	case c.cast.failed <- err:
	default: // one reason is enough
	}
}

// Signalled says whether the server has been asked to stop.
func (c *Client) Signalled() bool { return c.stopping.Load() }

// More says whether another request may be begun: each call is one.
func (c *Client) More() bool {
	if c.begun++; c.begun > c.MaxRequests {
		return false
	}
	select {
	case <-c.over:
		return false
	case <-c.ctx.Done():
		return false
	default:
		return true
	}
}

// AwaitSignal holds the pose until the signal; it returns false if there will be none.
func (c *Client) AwaitSignal() bool {
	select {
	case <-c.signalled:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// AwaitExit waits for the server's end.
func (c *Client) AwaitExit() {
	select {
	case <-c.exited:
	case <-c.ctx.Done():
	}
}

// Pause waits, unless the trial ends.
func (c *Client) Pause(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.ctx.Done():
	}
}

// Think pauses for a random time up to -think.
func (c *Client) Think() {
	if c.Plan.Think > 0 {
		c.Pause(time.Duration(rand.Int64N(int64(c.Plan.Think))))
	}
}

// Count records what became of a request, or of a connection. A loss before the signal is none of the shutdown.
func (c *Client) Count(o verdict.Outcome) {
	now := time.Now()
	if o == verdict.Answered || o == verdict.Repeat {
		c.lastResponse = now
	}
	if o.Lost() && !c.Signalled() {
		c.tally.Early++
		return
	}
	c.tally.Add(o)
	c.line.Mark(o, now)
}

// CountResponse records a complete response.
func (c *Client) CountResponse(status int) {
	repeat := status == 408 || status == 503
	if status >= 400 && !(repeat && c.Signalled()) {
		c.tally.AddErrorStatus(status)
	}
	if repeat {
		c.Count(verdict.Repeat)
	} else {
		c.Count(verdict.Answered)
	}
}

// MustServe ends the trial if a URL that a pose depends on answers with an error: a page of "not found" is in nobody's way,
// and would pass for a clean stop.
func (c *Client) MustServe(u *url.URL, head *wire.Head) {
	if head != nil && head.Status >= 400 && !c.Signalled() {
		c.Fail(fmt.Errorf("%s answers %d", u, head.Status))
	}
}

// CountBreak records a request that was written and has no complete response.
func (c *Client) CountBreak(err error) { c.Count(lossOf(err)) }

func lossOf(err error) verdict.Outcome {
	var b *wire.Break
	if !errors.As(err, &b) {
		return verdict.LostCut
	}
	switch {
	case b.How == wire.TimedOut:
		return verdict.LostTimedOut
	case b.Begun || b.How == wire.Garbled:
		return verdict.LostCut
	case b.How == wire.Reset:
		return verdict.LostReset
	}
	return verdict.LostClosed
}

// Worked records a stretch of work that ends now.
func (c *Client) Worked(from time.Time) {
	c.line.Worked(verdict.Span{From: from, To: time.Now()}, c.Signalled())
}

// Hangup closes a connection and records its life.
func (c *Client) Hangup(conn *wire.Conn) {
	conn.Close()
	c.line.Opened(verdict.Span{From: conn.Since, To: time.Now()}, c.Signalled())
}

func address(u *url.URL) string { return wire.Address(u) }

// To says how to reach a URL: through the relay if the scenario has one.
func (c *Client) To(u *url.URL) wire.Dialler {
	d := wire.Dialler{Addr: address(u)}
	if c.relay != nil {
		d.Addr = c.relay.Addr()
	}
	if wire.Secure(u) {
		d.TLS = wire.Trusting(u, "http/1.1")
	}
	return d
}

// Dial connects, and counts what becomes of that if the signal has been given; before it, a failure ends the trial. The
// connection is nil if there is none.
func (c *Client) Dial(d wire.Dialler) *wire.Conn {
	conn, err := d.Dial(c.ctx)
	if err == nil {
		c.connections++
		return conn
	}
	var handshake *wire.HandshakeError
	switch {
	case c.ctx.Err() != nil: // the trial is over
	case errors.Is(err, wire.ErrNoPorts) || !c.Signalled():
		c.Fail(err)
	case errors.As(err, &handshake):
		c.Count(verdict.ClosedBefore)
	case errors.Is(err, syscall.ECONNREFUSED):
		c.Count(verdict.Refused)
	default:
		c.Count(verdict.ResetDialling)
	}
	return nil
}
