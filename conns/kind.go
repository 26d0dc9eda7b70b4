package conns

import (
	"io"
	"os"
	"time"

	"github.com/godrain/drain/messages"
)

// kind is what protocols do differently when a connection leaves, ends, or is
// described to a person. What they have in common stands in leave.go.
type kind interface {
	// beginLeaving: the actor has asked, for the first time.
	beginLeaving()
	// goneError is what a reader gets whose connection has left.
	goneError() error
	// mayLinger reports whether the peer of a connection that is closed, in phase
	// before, may have something to fetch that a reset would destroy.
	mayLinger(before phase) bool
	// lingerTime is how long its FIN is awaited, and whether that is all, whatever
	// the peer still sends, once it has taken everything.
	lingerTime() (wait time.Duration, once bool)
	// closedAs is how a connection ends that its server closes.
	closedAs() (outcome messages.Outcome, lost bool)
	// killedAs is how it ends if it is killed in phase p.
	killedAs(p phase) (outcome messages.Outcome, lost bool)
	// describe completes a description.
	describe(s *messages.Connection)
}

var (
	_ kind = (*Takeover)(nil)
	_ kind = (*H2)(nil)
	_ kind = stranger{}
	_ kind = marked{}
)

// kind is what the connection is by now: its handler may have taken it over, or
// it may have turned out to speak HTTP/2.
func (c *Conn) kind() kind {
	if k := c.takeover.Load(); k != nil {
		return k
	}
	if h := c.h2.Load(); h != nil {
		return h
	}
	if c.raw != nil {
		return stranger{c}
	}
	return marked{c}
}

// marked is a connection whose server marks where work begins and ends: HTTP/1.
type marked struct{ *Conn }

func (m marked) beginLeaving() { _ = m.applyReadDeadline() }

// net/http is silent on a timeout; others expect the end of the stream.
func (m marked) goneError() error {
	if m.head.http1 {
		return os.ErrDeadlineExceeded
	}
	return io.EOF
}

func (m marked) mayLinger(before phase) bool { return m.group.IsDraining() && before != fresh }

func (m marked) lingerTime() (time.Duration, bool) { return m.group.Linger, false }

func (m marked) closedAs() (messages.Outcome, bool) {
	if m.phase() == working && !m.has(returned) && !m.has(broken|severed) {
		return messages.OutcomeCrashed, true
	}
	return messages.OutcomeDrained, m.has(severed)
}

func (m marked) killedAs(p phase) (messages.Outcome, bool) {
	switch {
	case p == leaving || ((p == received || p == working) && m.has(closing)):
		// It lingers: only the peer's FIN is missing, if it has taken everything.
		outcome, lost := m.sentenced()
		switch {
		case untaken(m.sock(), m.since.Load()) && m.onlyGoodbye():
			return messages.OutcomeUnanswered, false
		case untaken(m.sock(), m.since.Load()):
			return messages.OutcomeKilled, true
		case outcome == messages.OutcomeDrained && !visible(m.sock()):
			return messages.OutcomeKilled, lost // nobody can say whether it has
		}
		return outcome, lost
	case p == received || p == working:
		// The handler may have returned, and net/http hold its answer still.
		return messages.OutcomeKilled, true
	}
	return messages.OutcomeKilled, m.has(severed)
}

func (m marked) describe(s *messages.Connection) {
	u := m.unit.Load()
	if u != nil {
		s.Request = u.line()
	}
	switch {
	case !m.head.http1:
	case u != nil && u.Method == "": // what TLS has negotiated instead
		s.Protocol, s.Request = u.Path, ""
	default:
		s.Protocol = http1Protocol
	}
}

const http1Protocol = "HTTP/1.1"
