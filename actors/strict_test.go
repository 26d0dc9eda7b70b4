package actors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// temper is how a strict server takes what is done to it.
type temper struct {
	Full                                 bool          // it has whatever a Server may have, else Bind and Release
	Bind, Serve, Unbind, Sessions, Drain time.Duration // what each takes; Serve once it is unbound
	Deaf                                 bool          // to the context of Unbind and CloseSessions
	BadBind                              int           // which of a life's calls of Bind and Rebind fails; 0 is none
	BadUnbind                            bool
	Fixed                                bool // it cannot be suspended
}

// strict is a server that complains of being called at a time that who implements one
// need not expect. Its listener is a queue.
type strict struct {
	temper
	name  string
	wrong func(format string, args ...any)

	mu    sync.Mutex // the methods of a server are called from anywhere
	life  *life      // from Bind to Release
	lives []*life
	tree  int // the present one

	struck bool // somebody has asked for a kill
}

var errBroken = errors.New("accept fails")

// life is what a strict server lives through in one tree.
type life struct {
	running  map[string]bool // which methods are
	line     *line           // its listener; nil if it is closed
	tree     int
	binds    int
	opened   bool // it was, at least once
	sessions bool // CloseSessions was called
	drained  bool // Drain was
	released bool
	forced   bool // somebody has asked for a kill, and it has come
	tracker  *tracker
	guests   []*guest         // all that were given to the tracker
	before   messages.Counts  // as they were seen last before the drain
	first    *messages.Counts // as they were seen first in the drain
	reports  []messages.ServerReport
}

// line is a listener.
type line struct {
	queue  chan *guest
	broken chan error // what its accepts fail with
	closed chan struct{}
}

// full is a strict server with everything that a Server may have.
type full struct{ *strict }

func (f full) Rebind(context.Context) (string, error)  { return f.bind("Rebind") }
func (f full) CloseSessions(ctx context.Context) error { return f.closeSessions(ctx) }
func (f full) Drain()                                  { f.sayGoodbye() }
func (f full) CanSuspend() error {
	if f.Fixed {
		return errors.New("fixed")
	}
	return nil
}

func (s *strict) child() Child {
	if s.Full {
		return Managed(full{s})
	}
	return Managed(s)
}

func (s *strict) Name() string { return s.name }

// called is the beginning of a call. While it runs none of those that it excludes may.
func (s *strict) called(what string, excludes ...string) *life {
	l := s.life
	if l == nil {
		s.wrong("%s: %s after Release, or before Bind", s.name, what)
		return &life{running: map[string]bool{}}
	}
	for _, other := range append(excludes, what) {
		if l.running[other] {
			s.wrong("%s: %s while %s runs", s.name, what, other)
		}
	}
	l.running[what] = true
	return l
}

func (s *strict) returns(l *life, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.running[what] = false
}

// takes spends the time of a call, or until ctx ends.
func (s *strict) takes(ctx context.Context, d time.Duration) {
	if s.Deaf {
		ctx = context.Background()
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (s *strict) Bind(context.Context) (string, error) {
	for range leaseSteps {
		if !s.leaving() {
			return s.bind("Bind")
		}
		time.Sleep(time.Millisecond) // as the servers here wait for a tree that lets go
	}
	return "", errors.New("it is served still")
}

const leaseSteps = 1000

// leaving reports whether it is another tree's still. Without Rebind it may be the same
// tree's that opens it again.
func (s *strict) leaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life != nil && (s.Full || s.life.tracker == nil || s.life.tracker.group.IsDraining())
}

func (s *strict) bind(what string) (string, error) {
	s.mu.Lock()
	if s.life == nil && what == "Bind" {
		s.life = &life{tree: s.tree, running: map[string]bool{}}
		s.lives = append(s.lives, s.life)
	}
	l := s.called(what, "Bind", "Rebind", "Serve", "Unbind", "CloseSessions", "Drain")
	if l.line != nil {
		s.wrong("%s: %s of what is open", s.name, what)
	}
	l.binds++
	s.mu.Unlock()
	time.Sleep(s.temper.Bind)
	s.mu.Lock()
	defer s.mu.Unlock()
	l.running[what] = false
	if l.binds == s.BadBind {
		if !l.opened { // it has taken nothing
			s.life = nil
		}
		return "", errors.New("taken")
	}
	l.opened = true
	l.line = &line{make(chan *guest, 100), make(chan error, 1), make(chan struct{})}
	return fmt.Sprint("strict ", s.name), nil
}

func (s *strict) Serve(t conns.Tracker) error {
	s.mu.Lock()
	l := s.called("Serve", "Bind", "Rebind", "Drain")
	l.tracker = t.(*tracker)
	line := l.line
	s.mu.Unlock()
	defer s.returns(l, "Serve")
	if line == nil { // unbound before it came to this
		return nil
	}
	for {
		t.Admit()
		select {
		case g := <-line.queue:
			s.welcome(l, g)
		case err := <-line.broken:
			return err
		case <-line.closed:
			for len(line.queue) > 0 {
				t.Admit()
				s.welcome(l, <-line.queue)
			}
			time.Sleep(s.temper.Serve)
			return nil
		}
	}
}

// welcome has the tree adopt a connection, and serves it.
func (s *strict) welcome(l *life, g *guest) {
	s.mu.Lock()
	if l.released {
		s.wrong("%s: a connection after Release", s.name)
	}
	l.guests = append(l.guests, g)
	s.mu.Unlock()
	c := conns.New(l.tracker.group, g)
	c.FollowReads()
	if g.refused = l.tracker.Adopt(c) != nil; !g.refused {
		go g.serve(c)
	}
}

func (s *strict) Unbind(ctx context.Context) error {
	s.mu.Lock()
	l := s.called("Unbind", "Bind", "Rebind", "Drain")
	if l.line == nil {
		s.wrong("%s: Unbind of what is closed", s.name)
	} else {
		close(l.line.closed)
	}
	l.line = nil
	s.mu.Unlock()
	defer s.returns(l, "Unbind")
	s.takes(ctx, s.temper.Unbind)
	if s.BadUnbind {
		return errors.New("it does not close")
	}
	return nil
}

func (s *strict) closeSessions(ctx context.Context) error {
	s.mu.Lock()
	l := s.called("CloseSessions", "Drain")
	if l.sessions {
		s.wrong("%s: CloseSessions twice", s.name)
	}
	l.sessions = true
	s.mu.Unlock()
	defer s.returns(l, "CloseSessions")
	s.takes(ctx, s.Sessions)
	return ctx.Err()
}

func (s *strict) sayGoodbye() {
	s.mu.Lock()
	l := s.called("Drain", "Bind", "Rebind", "Serve", "Unbind", "CloseSessions")
	switch {
	case l.drained:
		s.wrong("%s: Drain twice", s.name)
	case l.line != nil:
		s.wrong("%s: Drain of what is open", s.name)
	case l.forced:
		s.wrong("%s: Drain of what was killed", s.name)
	}
	l.drained = true
	s.mu.Unlock()
	defer s.returns(l, "Drain")
	time.Sleep(s.temper.Drain)
}

func (s *strict) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.called("Release", "Bind", "Rebind", "Serve", "Unbind", "CloseSessions", "Drain")
	if l.line != nil {
		s.wrong("%s: Release of what is open", s.name)
	}
	l.released = true
	s.life = nil
}
