package conns

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/godrain/drain/messages"
)

// A connection whose peer, server and actor do one thing after another, in any
// order: every interleaving of what can happen to the state word. Sequences are
// drawn at random, and the short ones tried without exception.

// scripted is the socket: Read returns what has arrived, or that a deadline has
// passed; it never blocks.
type scripted struct {
	net.Conn
	in         []byte
	out        bytes.Buffer
	due        time.Time
	closed     bool
	unread     int // what had arrived and was not read when the goodbye was said; -1 before
	onDeadline func()
}

func (s *scripted) Read(p []byte) (int, error) {
	switch {
	case s.closed:
		return 0, net.ErrClosed
	case !s.due.IsZero() && !s.due.After(time.Now()):
		return 0, os.ErrDeadlineExceeded
	case len(s.in) == 0:
		return 0, os.ErrDeadlineExceeded // the time until then has passed
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) {
	if s.closed {
		return 0, net.ErrClosed
	}
	if bytes.HasPrefix(p, []byte("HTTP/1.1 408")) {
		s.unread = len(s.in)
	}
	return s.out.Write(p)
}

func (s *scripted) SetReadDeadline(t time.Time) error {
	if f := s.onDeadline; f != nil {
		s.onDeadline = nil
		f()
	}
	s.due = t
	return nil
}
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
func (s *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{} }

func (s *scripted) Close() error {
	s.closed = true
	return nil
}

// witness is the owner.
type witness struct {
	busy  bool
	ended chan messages.Outcome
	ends  int
	after bool // something was told after the end
}

func (w *witness) Busy() { w.busy, w.after = true, w.after || w.ends > 0 }
func (w *witness) Idle() { w.busy, w.after = false, w.after || w.ends > 0 }
func (w *witness) Ended(o messages.Outcome, _ int) {
	w.ends++
	w.ended <- o
}

// play is a connection and what is known of it without looking at its word.
type play struct {
	require.TestingT
	c       *Conn
	s       *scripted
	w       *witness
	asked   bool
	over    bool // somebody has ended it
	left    bool // a Read has said so
	working bool // a handler is at work
	stolen  bool
	read    int // bytes of the request in progress
	sent    int
	got     int
}

func newPlay(t require.TestingT) *play {
	s, w := &scripted{unread: -1}, &witness{ended: make(chan messages.Outcome, 10)}
	c := New(NewGroup("play", Settings{IdleGrace: -1, Linger: -1, CloseTimeout: -1}), s)
	c.FollowHTTP1()
	c.Own(w)
	return &play{TestingT: t, c: c, s: s, w: w}
}

// moves are what can happen; each reports whether it could.
var moves = []struct {
	name string
	do   func(*play) bool
}{
	{"arrive", func(p *play) bool {
		if p.s.closed || p.sent > 2 {
			return false
		}
		p.s.in = append(p.s.in, 'x')
		p.sent++
		return true
	}},
	{"read", (*play).readOnce},
	{"begin", func(p *play) bool {
		if p.working || p.stolen || p.left || p.over || p.read == 0 {
			return false
		}
		p.c.Begin(&Unit{})
		p.working, p.read = true, 0
		return true
	}},
	{"rest", func(p *play) bool {
		if !p.working || p.stolen || p.over {
			return false
		}
		p.c.Return(true)
		p.c.Idle()
		p.working = false
		return true
	}},
	{"leave", func(p *play) bool {
		if p.stolen { // the escort takes time: see the WebSockets' tests
			return false
		}
		p.c.Leave()
		p.asked = true
		return true
	}},
	{"deadline", func(p *play) bool {
		if p.stolen {
			return false
		}
		_ = p.c.SetReadDeadline(time.Now().Add(time.Hour))
		_ = p.c.SetReadDeadline(time.Time{})
		return true
	}},
	{"write", func(p *play) bool {
		n, err := p.c.Write([]byte("answer"))
		if p.left && !p.stolen {
			require.ErrorIs(p, err, net.ErrClosed, "nothing follows the goodbye")
			require.Zero(p, n)
		}
		return true
	}},
	{"hijack", func(p *play) bool {
		if !p.working || p.stolen || p.over || p.asked {
			return false
		}
		p.c.Hijack(&Unit{}, Tunnel, bufio.NewReadWriter(bufio.NewReader(p.c), bufio.NewWriter(p.c)))
		p.stolen = true
		return true
	}},
	{"close", func(p *play) bool {
		if p.over {
			return false
		}
		_ = p.c.Close()
		p.ends(p.working && !p.stolen, messages.OutcomeCrashed, messages.OutcomeDrained)
		return true
	}},
	{"kill", func(p *play) bool {
		if p.over {
			return false
		}
		p.c.Kill()
		p.ends(true, messages.OutcomeKilled, 0)
		return true
	}},
}

func (p *play) ends(first bool, yes, no messages.Outcome) {
	p.over = true
	select {
	case o := <-p.w.ended:
		if first {
			no = yes
		}
		require.Equal(p, no, o)
	case <-time.After(patience):
		require.Fail(p, "nobody was told of the end")
	}
}

// readOnce is the server's reader, when there is something that ends its Read.
func (p *play) readOnce() bool {
	if p.over || p.stolen || (p.working && len(p.s.in) == 0) {
		return false
	}
	if len(p.s.in) == 0 && !p.asked {
		return false // it would wait
	}
	if !p.left && len(p.s.in) == 0 && p.c.phase() == working {
		return false
	}
	before := len(p.s.in)
	n, err := p.c.Read(make([]byte, 1))
	p.got += n
	if err == nil {
		require.Equal(p, 1, n)
		require.False(p, p.left, "a byte after the goodbye")
		p.read += n
		return true
	}
	require.True(p, errors.Is(err, os.ErrDeadlineExceeded), "%v", err)
	require.True(p, p.asked, "it left without having been asked")
	require.False(p, p.working, "it left in the midst of work")
	if !p.left {
		require.Zero(p, before, "it left although something had arrived")
	}
	p.left = true
	return true
}

// check holds after every move.
func (p *play) check() {
	require.LessOrEqual(p, p.w.ends, 1, "the end is told once")
	require.False(p, p.w.after, "nothing is told after the end")
	require.Equal(p, p.sent, p.got+len(p.s.in), "no byte is lost")
	require.Equal(p, p.over, p.s.closed, "the socket is closed when it is over, and only then")
	require.LessOrEqual(p, p.s.unread, 0, "the goodbye came after a last look")
	require.LessOrEqual(p, bytes.Count(p.s.out.Bytes(), []byte("HTTP/1.1 408")), 1)
	switch phase := p.c.phase(); {
	case p.over:
		require.Equal(p, closed, phase)
	case p.stolen:
		require.Equal(p, hijacked, phase)
	case p.working:
		require.Equal(p, working, phase)
	default:
		require.Equal(p, p.left, phase == leaving)
	}
}

func TestAnyOrderOfEventsLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPlay(t)
		for range rapid.IntRange(1, 40).Draw(t, "moves") {
			m := moves[rapid.IntRange(0, len(moves)-1).Draw(t, "move")]
			if m.do(p) {
				t.Log(m.name)
				p.check()
			}
		}
	})
}

// failing stops a play at its first failure.
type failing struct{ why string }

func (f *failing) Errorf(format string, args ...any) { f.why = fmt.Sprintf(format, args...) }
func (f *failing) FailNow()                          { panic(f) }

func TestEveryShortOrderOfEventsLosesNothing(t *testing.T) {
	depth := 7
	if testing.Short() || raceEnabled {
		depth = 6
	}
	tried := 0
	var grow func(sequence []int)
	grow = func(sequence []int) {
		if len(sequence) > 0 && !replay(t, sequence) {
			return // its last move could not happen
		}
		tried++
		if len(sequence) == depth {
			return
		}
		for m := range moves {
			grow(append(sequence[:len(sequence):len(sequence)], m))
		}
	}
	grow(nil)
	t.Logf("%d sequences of up to %d events", tried, depth)
}

func replay(t *testing.T, sequence []int) (could bool) {
	f := &failing{}
	defer func() {
		if recover() != nil {
			var names []string
			for _, m := range sequence {
				names = append(names, moves[m].name)
			}
			require.FailNow(t, f.why, "%v", names)
		}
	}()
	p := newPlay(f)
	for _, m := range sequence {
		could = moves[m].do(p)
		if could {
			p.check()
		}
	}
	return could
}

// Two goroutines apply a deadline at once: whichever of them touches the socket
// last, what is there in the end is right. The other one's whole act happens
// between the choice of a deadline and its effect, the worst place there is.
func TestDeadlinesOfTwoGoroutinesEndUpRight(t *testing.T) {
	hour := time.Now().Add(time.Hour)
	acts := map[string]func(*play){
		"the actor asks it to leave": func(p *play) { p.c.Leave() },
		"the server sets one":        func(p *play) { _ = p.c.SetReadDeadline(hour) },
		"the server clears it":       func(p *play) { _ = p.c.SetReadDeadline(time.Time{}) },
		"a first byte":               func(p *play) { p.c.received([]byte("x")) },
	}
	for one, first := range acts {
		for two, second := range acts {
			t.Run(one+" while "+two, func(t *testing.T) {
				p := newPlay(t)
				_ = p.c.SetReadDeadline(hour)
				p.s.onDeadline = func() { second(p) }
				first(p)
				require.Equal(t, p.c.effectiveReadDeadline(), at(p.s.due))
			})
		}
	}
}

// The table of transitions, in words.
func TestTransitions(t *testing.T) {
	for p := fresh; p < phases; p++ {
		require.Equal(t, closed, transitions[p][end], "anything can end")
		for s := gotByte; s < steps; s++ {
			after := transitions[p][s]
			switch {
			case p == closed:
				require.Equal(t, closed, after, "and stays at an end")
			case after == leaving && p != leaving:
				require.Equal(t, leave, s)
				require.NotContains(t, []phase{received, working, rested}, p, "nobody leaves work, or with a request in the server's buffer")
			case after == closed:
				require.Equal(t, end, s)
			case p == leaving:
				require.Equal(t, leaving, after, "there is no way back")
			case after == idle && p != idle:
				require.Equal(t, rested, p, "only a reader that is back is idle")
			}
		}
	}
}
