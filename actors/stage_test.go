package actors

import (
	"fmt"
	"reflect"
	"sync"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// stage is where a scene is performed: it asks, and looks at what comes of it.
type stage struct {
	scene
	mu     sync.Mutex
	wrongs []string

	cast   []*strict
	tree   int
	pid    *actor.PID // of the root
	pids   map[string]*actor.PID
	killed map[*strict]bool // not all is known of what its connections came to
	asked  []*question
	calm   bool // nothing has happened to the tree since it was seen to serve
	guests []*guest
	over   chan struct{}
}

// question is one that was asked, and what was answered.
type question struct {
	p       *stage
	what    string
	at      time.Time
	by      time.Time // zero: when the tree ends
	answers []any
}

func newStage(s scene) *stage {
	p := &stage{scene: s, over: make(chan struct{}), killed: make(map[*strict]bool)}
	for i, how := range s.Tempers {
		p.cast = append(p.cast, &strict{temper: how, name: nameOf(i), wrong: p.wrong})
	}
	return p
}

func (p *stage) wrong(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrongs = append(p.wrongs, fmt.Sprintf(format, args...))
}

func (p *stage) failed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.wrongs) > 0
}

// begin plants a tree.
func (p *stage) begin(tree int) {
	p.tree, p.pids, p.asked = tree, make(map[string]*actor.PID), nil
	c := Config{Timeout: p.Timeout, ReadyDelay: p.ReadyDelay}
	c.IdleGrace, c.Linger, c.MaxConns = p.IdleGrace, p.Linger, p.MaxConns
	var children []Child
	for _, s := range p.cast[:len(p.cast)-1] {
		children = append(children, s.child())
	}
	for _, s := range p.cast {
		s.enter(tree)
	}
	p.pid = system.Root.Spawn(Root(c, children...))
	p.settle()
}

// patience is how long a drain may take.
func (p *stage) patience() time.Duration { return max(p.Timeout, leastForce) }

func ask[T any](p *stage, what string, msg func(chan<- T) any) *question {
	q := &question{p: p, what: what, at: time.Now()}
	p.asked = append(p.asked, q)
	to := make(chan T, 2)
	go func() {
		for {
			select {
			case a := <-to:
				q.answered(a)
			case <-p.over:
				return
			}
		}
	}()
	system.Root.Send(p.pid, msg(to))
	return q
}

// within is how long it may take to be answered.
func (q *question) within(d time.Duration) *question {
	q.p.mu.Lock()
	defer q.p.mu.Unlock()
	q.by = q.at.Add(d)
	return q
}

func (q *question) answered(a any) {
	q.p.mu.Lock()
	q.answers = append(q.answers, a)
	late := !q.by.IsZero() && time.Now().After(q.by)
	q.p.mu.Unlock()
	if late {
		q.p.wrong("%s was answered after %s: %+v", q.what, time.Since(q.at), a)
	}
	switch a := a.(type) {
	case messages.Report:
		for _, r := range a.Servers {
			q.p.reported(r)
		}
	case messages.UnregisterDone:
		q.p.reported(a.Report)
	}
}

// reported notes what a server's last drain came to.
func (p *stage) reported(r messages.ServerReport) {
	for _, s := range p.cast {
		if s.name == r.Name {
			s.reported(r)
		}
	}
}

func (p *stage) shutdown(due time.Duration) {
	m := messages.Shutdown{}
	wait := p.patience()
	if due > 0 {
		m.Deadline = time.Now().Add(due)
		if p.calm {
			wait = min(wait, max(due, leastForce))
		}
	}
	ask(p, "shutdown", func(to chan<- messages.Report) any { m.Reply = to; return m }).within(wait)
}

func (p *stage) force() {
	q := ask(p, "force", func(to chan<- messages.Report) any { return messages.ForceShutdown{Reply: to} })
	q.within(min(p.patience(), killPatience+time.Second))
	for _, s := range p.cast {
		s.strike()
	}
}

// tell says something to the actor of a server.
func (p *stage) tell(s *strict, msg any) {
	if pid := p.pids[s.name]; pid != nil {
		s.strike()
		system.Root.Send(pid, msg)
	}
}

// settle waits until nothing goes on, and looks.
func (p *stage) settle() {
	synctest.Wait()
	q := ask(p, "status", func(to chan<- messages.Status) any { return messages.GetStatus{Reply: to} }).within(0)
	synctest.Wait()
	if len(q.answers) != 1 {
		return // see end
	}
	status := q.answers[0].(messages.Status)
	clear(p.pids)
	p.calm = status.Phase == messages.PhaseServing
	for _, s := range p.cast {
		s.look()
		for _, st := range status.Servers {
			if st.Name == s.name {
				p.pids[s.name] = st.Server
				s.compare(st)
			}
		}
	}
}

// end is that of a tree.
func (p *stage) end() {
	p.shutdown(0)
	time.Sleep(p.patience() + statusPatience)
	synctest.Wait()
	var first *messages.Report
	for _, q := range p.asked {
		if len(q.answers) != 1 {
			p.wrong("%s was answered %d times: %+v", q.what, len(q.answers), q.answers)
			continue
		}
		if r, ok := q.answers[0].(messages.Report); ok {
			if first == nil {
				first = &r
			} else if !reflect.DeepEqual(*first, r) {
				p.wrong("two Reports: %+v and %+v", *first, r)
			}
			if r.Took > p.patience() {
				p.wrong("the Report says that it took %s", r.Took)
			}
		}
	}
	p.settle()
	system.Root.Stop(p.pid)
	synctest.Wait()
}

// curtain is when everybody goes home.
func (p *stage) curtain() {
	for _, g := range p.guests {
		_ = g.client.Close()
	}
	time.Sleep(time.Hour)
	synctest.Wait()
	for _, s := range p.cast {
		s.judge(p.killed[s])
	}
	close(p.over)
	synctest.Wait()
}
