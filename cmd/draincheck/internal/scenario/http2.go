//go:build unix

package scenario

import (
	"errors"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

var h2 = &Scenario{
	Name:    "h2",
	Title:   "HTTP/2 streams opened around the GOAWAY, over a longer way (-rtt)",
	Needs:   needsH2,
	Conns:   atMost(32),
	Settle:  50 * time.Millisecond,
	Relayed: theH2,
	Play:    func(c *Client) { c.playH2(c.H2, false) },
}

var h2InFlight = &Scenario{
	Name:   "h2inflight",
	Title:  "HTTP/2 streams being served at the signal (-slow-url's path at -h2-url's host)",
	Needs:  needsBoth(needsH2, needsSlow),
	Conns:  atMost(16),
	Settle: 150 * time.Millisecond,
	Play:   func(c *Client) { c.playH2(at(c.H2, c.Slow), true) },
}

const h2Streams = 8

// h2Player is one connection and the streams that are open on it.
type h2Player struct {
	*Client
	conn   *wire.Conn
	h2     *wire.H2
	url    *url.URL
	slow   bool // fill the connection with slow requests, before the signal only
	open   map[uint32]*h2Stream
	paused time.Time // no new stream before this
}

type h2Stream struct {
	from   time.Time
	status int
}

func (c *Client) playH2(u *url.URL, slow bool) {
	to := c.To(u)
	if to.TLS != nil {
		to.TLS.NextProtos = []string{"h2"}
	}
	conn := c.Dial(to)
	if conn == nil {
		return
	}
	defer c.Hangup(conn)
	if to.TLS != nil && conn.Protocol() != "h2" {
		c.Fail(errors.New("the server at -h2-url doesn't speak HTTP/2"))
		return
	}
	h, err := wire.NewH2(conn)
	if err != nil {
		c.Fail(err)
		return
	}
	p := &h2Player{Client: c, conn: conn, h2: h, url: u, slow: slow, open: make(map[uint32]*h2Stream)}
	p.settle(p.play())
	c.Ready()
}

// play opens streams and takes in what comes of them, until the connection is over or has no more use.
func (p *h2Player) play() error {
	for {
		for p.conn.Look() == wire.Spoken {
			if err := p.takeIn(); err != nil {
				return err
			}
		}
		switch {
		case p.done():
			return nil
		case p.mayOpen():
			if !p.openStream() {
				return &wire.Break{How: wire.Closed, Err: wire.ErrClosedBefore}
			}
		default:
			if err := p.conn.Await(p.ctx, p.patience()); p.givesUp(err) {
				return err
			}
		}
	}
}

// patience is how long to wait for a frame: until the next stream's turn, or, if there is none, for so long as -timeout
// may be overrun.
func (p *h2Player) patience() time.Duration {
	if wait := time.Until(p.paused); wait > 0 {
		return wait
	}
	return lastCall / 10
}

// givesUp tells a wait that was only for the next stream's turn from the end.
func (p *h2Player) givesUp(err error) bool {
	var b *wire.Break
	return errors.As(err, &b) && (b.How != wire.TimedOut || p.ctx.Err() != nil)
}

// done says whether nothing more is to come: the server has said that it goes away, or the time is up, and all that it
// has taken is answered.
func (p *h2Player) done() bool {
	if p.slow && p.Signalled() && len(p.open) == 0 {
		return true
	}
	over := p.h2.GoneAway
	select {
	case <-p.over:
		over = true
	default:
	}
	if !over {
		return false
	}
	for id := range p.open {
		if !p.h2.GoneAway || id <= p.h2.LastID {
			return false
		}
	}
	return true
}

func (p *h2Player) mayOpen() bool {
	select {
	case <-p.over:
		return false
	default:
	}
	return !p.h2.GoneAway && uint32(len(p.open)) < min(h2Streams, p.h2.Parallel) &&
		!time.Now().Before(p.paused) && (!p.slow || !p.Signalled()) && p.More()
}

func (p *h2Player) openStream() bool {
	method, body := p.Method, p.Body
	if p.slow {
		method, body = "GET", ""
	}
	id, written := p.h2.Open(method, p.url, body)
	if !written {
		if p.Signalled() {
			p.Count(verdict.ClosedBefore)
		}
		return false
	}
	p.open[id] = &h2Stream{from: time.Now()}
	if p.slow {
		if len(p.open) == int(min(h2Streams, p.h2.Parallel)) {
			p.Ready()
		}
	} else if p.Plan.Think > 0 {
		p.paused = time.Now().Add(time.Duration(rand.Int64N(int64(p.Plan.Think))))
	}
	return true
}

// takeIn takes in one frame.
func (p *h2Player) takeIn() error {
	ev, err := p.h2.Next()
	if err != nil {
		return err
	}
	s := p.open[ev.Stream]
	if s == nil {
		return nil
	}
	if ev.Status >= 200 {
		s.status = ev.Status
	}
	switch {
	case ev.End == wire.StreamGoesOn:
		return nil
	case ev.End == wire.StreamComplete && s.status != 0:
		if p.slow {
			p.MustServe(p.url, &wire.Head{Status: s.status})
		}
		p.CountResponse(s.status)
	case ev.End == wire.StreamRefused:
		p.Count(verdict.Repeat)
	case s.status != 0:
		p.Count(verdict.LostCut)
	default:
		p.Count(verdict.LostReset)
	}
	p.Worked(s.from)
	delete(p.open, ev.Stream)
	if !p.slow {
		p.Ready()
	}
	return nil
}

// settle counts what is still open when the connection is over: streams beyond the final GOAWAY's last id were not
// processed, and the client knows it; the others are lost.
func (p *h2Player) settle(err error) {
	for id, s := range p.open {
		p.Worked(s.from)
		switch {
		case p.h2.GoneAway && id > p.h2.LastID:
			p.Count(verdict.Repeat)
		case s.status != 0 && lossOf(err) != verdict.LostTimedOut:
			p.Count(verdict.LostCut)
		default:
			p.CountBreak(err)
		}
	}
}
