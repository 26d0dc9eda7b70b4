package actors

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/godrain/drain/messages"
)

// scene is a random story: trees that serve the same strict servers, one after another.
type scene struct {
	Timeout, ReadyDelay, IdleGrace, Linger time.Duration
	MaxConns                               int
	Tempers                                []temper // of the servers; the last is not there from the beginning
	Trees                                  [][]act
}

// act is one thing that somebody does, and how long nobody does anything then. If that
// is nothing, what comes next crosses it.
type act struct {
	Do    string
	Whom  int // which server; one too many is all
	Wait  time.Duration
	Due   time.Duration // a deadline of the asker's; 0 is none
	Guest manner
}

func oneOf[T any](t *rapid.T, what string, from ...T) T { return rapid.SampledFrom(from).Draw(t, what) }

func chance(t *rapid.T, what string, percent int) bool {
	return rapid.IntRange(0, 99).Draw(t, what) >= 100-percent
}

const ms = time.Millisecond

func drawScene(t *rapid.T) scene {
	s := scene{
		Timeout:   oneOf(t, "timeout", time.Second, -1, 50*ms, 25*time.Second),
		IdleGrace: oneOf(t, "idle grace", -1, 20*ms, time.Second),
		Linger:    oneOf(t, "linger", -1, 20*ms, time.Second),
		MaxConns:  oneOf(t, "max conns", 0, 1, 3),
	}
	if s.Timeout > 0 {
		s.ReadyDelay = oneOf(t, "ready delay", 0, 10*ms, s.Timeout-ms)
	}
	for range rapid.IntRange(2, 3).Draw(t, "servers") {
		s.Tempers = append(s.Tempers, drawTemper(t))
	}
	for range rapid.IntRange(1, 2).Draw(t, "trees") {
		s.Trees = append(s.Trees, rapid.SliceOfN(rapid.Custom(drawAct), 0, 12).Draw(t, "acts"))
	}
	return s
}

func drawTemper(t *rapid.T) temper {
	takes := func(what string) time.Duration {
		return oneOf(t, what, 0, ms, 30*ms, 400*ms, 5*time.Second, 40*time.Second) + time.Duration(len(what))*time.Microsecond
	}
	return temper{
		Full: rapid.Bool().Draw(t, "full"),
		Bind: takes("bind"), Serve: takes("serve"), Unbind: takes("unbind"), Sessions: takes("sessions"), Drain: takes("goodbye"),
		Deaf: chance(t, "deaf", 20), BadBind: oneOf(t, "bad bind", 0, 0, 1, 2, 3),
		BadUnbind: chance(t, "bad unbind", 10), Fixed: chance(t, "fixed", 10),
	}
}

func drawAct(t *rapid.T) act {
	return act{
		Do: oneOf(t, "do", "connect", "connect", "connect", "suspend", "resume", "suspend", "resume", "shutdown", "force",
			"register", "unregister", "fail", "alone", "force alone", "crash", "crash one", "panic", "status", "await"),
		Whom: rapid.IntRange(0, 3).Draw(t, "whom"),
		Wait: oneOf(t, "wait", 0, 0, ms, 10*ms, 100*ms, 900*ms, 30*time.Second),
		Due:  oneOf(t, "due", 0, 0, time.Nanosecond, 60*ms, 500*ms, time.Minute),
		Guest: manner{
			Silent: chance(t, "silent", 20), Obeys: rapid.Bool().Draw(t, "obeys"),
			Work:   oneOf(t, "work", 0, ms, 30*ms, 700*ms, 20*time.Second, 10*time.Minute) + 77*time.Microsecond,
			Panics: chance(t, "panics", 10), Ends: chance(t, "ends", 20),
			Leaves: oneOf(t, "leaves", 0, 0, 0, 5*ms+33*time.Microsecond, 800*ms+33*time.Microsecond),
		},
	}
}

// Whatever is done to a tree, in whatever order: a server is treated as who implements
// one expects, everyone who asks is answered once and in time, and the Report says what
// has happened. In a bubble, where time costs nothing, and what ends at a deadline is not
// late.
func TestServersInAnyStory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScene(rt)
		var wrong []string
		synctest.Test(t, func(*testing.T) { wrong = perform(s) })
		if len(wrong) > 0 {
			rt.Fatalf("%s\n%+v", strings.Join(wrong, "\n"), s)
		}
	})
}

func perform(s scene) []string {
	p := newStage(s)
	for i, acts := range s.Trees {
		p.begin(i)
		for _, a := range acts {
			if p.failed() {
				break
			}
			p.do(a)
			if a.Wait > 0 {
				time.Sleep(a.Wait) // the story's time, and the bubble's: it costs nothing
				p.settle()
			} else {
				p.calm = false
			}
		}
		p.end()
	}
	p.curtain()
	return p.wrongs
}

func (p *stage) do(a act) {
	s, name := p.cast[min(a.Whom, len(p.cast)-1)], ""
	if a.Whom < len(p.cast) {
		name = s.name
	}
	pid := p.pids[s.name]
	switch a.Do {
	case "connect":
		p.connect(s, a.Guest)
	case "suspend":
		ask(p, a.Do, func(to chan<- messages.Done) any { return messages.Suspend{Name: name, Reply: to} })
	case "resume":
		ask(p, a.Do, func(to chan<- messages.Done) any { return messages.Resume{Name: name, Reply: to} })
	case "await":
		ask(p, a.Do, func(to chan<- messages.Done) any { return AwaitServing{Reply: to} })
	case "status":
		ask(p, a.Do, func(to chan<- messages.Status) any { return messages.GetStatus{Reply: to} }).within(statusPatience)
	case "shutdown":
		p.shutdown(a.Due)
	case "force":
		p.force()
	case "register":
		p.settle()
		ask(p, a.Do, func(to chan<- messages.Done) any { return Register{Child: s.child(), Reply: to} })
	case "unregister":
		q := ask(p, a.Do, func(to chan<- messages.UnregisterDone) any { return messages.Unregister{Name: s.name, Reply: to} })
		q.within(p.patience())
	case "fail":
		s.breaks()
	case "alone":
		s.drainAlone()
	case "force alone":
		p.tell(s, messages.ForceShutdown{Reason: "alone"})
	case "panic":
		p.tell(s, messages.Closed{Record: badRecord{}})
	case "crash":
		if pid != nil {
			p.killed[s] = true
			s.strike()
			system.Root.Stop(pid)
		}
	case "crash one":
		if pid != nil {
			p.killed[s] = true
			s.crashOne(pid)
		}
	}
}

// connect is a client that comes, if the listener is open.
func (p *stage) connect(s *strict, m manner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life == nil || s.life.line == nil {
		return
	}
	g := newGuest(m)
	select {
	case s.life.line.queue <- g:
		p.guests = append(p.guests, g)
		go g.visit()
	default:
	}
}

func nameOf(i int) string { return "s" + strconv.Itoa(i) }
