package actors

import (
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// This file is what must hold of a strict server.

// enter is the beginning of a tree.
func (s *strict) enter(tree int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tree, s.struck = tree, false
}

// breaks has the accepts of its listener fail.
func (s *strict) breaks() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life != nil && s.life.line != nil {
		reply(s.life.line.broken, error(errBroken))
	}
}

func (s *strict) drainAlone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life != nil && s.life.tracker != nil {
		s.life.tracker.AskDrain("alone")
	}
}

// crashOne stops the actor of its youngest connection.
func (s *strict) crashOne(pid *actor.PID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.life; l != nil && l.tracker != nil {
		if n := l.tracker.group.Accepted.Load(); n > 0 {
			system.Root.Stop(actor.NewPID(pid.Address, l.tracker.actor(n)))
		}
	}
}

// actor names the actor of the nth connection; of the server, for none.
func (t *tracker) actor(n int64) string {
	if n == 0 {
		return t.server.Id
	}
	return t.server.Id + "/" + strconv.FormatInt(n, 36)
}

func found(id string) bool {
	_, there := system.ProcessRegistry.GetLocal(id)
	return there
}

// last is its life in the present tree, nil if it has none there.
func (s *strict) last() *life {
	if n := len(s.lives); n > 0 && s.lives[n-1].tree == s.tree {
		return s.lives[n-1]
	}
	return nil
}

func (s *strict) reported(r messages.ServerReport) {
	s.mu.Lock()
	l := s.last()
	if l != nil {
		l.reports = append(l.reports, r)
	}
	s.mu.Unlock()
	if l == nil {
		return
	}
	time.Sleep(time.Nanosecond) // the rest of this instant
	s.mu.Lock()
	defer s.mu.Unlock()
	working := 0
	for _, g := range l.guests {
		if g.owed.Load() && !g.ended.Load() {
			working++
		}
	}
	if l.tracker != nil {
		working -= int(l.tracker.group.Late.Load()) // who came later
	}
	if r.Running < working {
		s.wrong("%s: %d handlers run, the Report has %d", s.name, working, r.Running)
	}
}

// strike says that somebody has asked for a kill.
func (s *strict) strike() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.struck = true
}

// look is called when nothing goes on.
func (s *strict) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.last()
	if l == nil {
		return
	}
	l.forced = l.forced || s.struck
	s.struck = false
	if l.tracker == nil {
		return
	}
	group := l.tracker.group
	switch n := group.Counts(); {
	case group.IsDraining() && l.first == nil:
		l.first = &n
	case !group.IsDraining():
		l.before = n
	}
	if group.IsDraining() || l.line == nil || !l.running["Serve"] || l.tracker.limit == 0 {
		return
	}
	if open := group.Open.Load(); len(l.line.queue) > 0 && open < l.tracker.limit && len(l.line.broken) == 0 {
		s.wrong("%s: %d wait, and %d of %d places are taken (%d)", s.name, len(l.line.queue), open, l.tracker.limit, l.tracker.taken.Load())
	} else if open > l.tracker.limit && l.binds == 1 {
		s.wrong("%s: %d are open, of %d", s.name, open, l.tracker.limit)
	}
}

// compare compares what it is said to do with what it does.
func (s *strict) compare(st messages.ServerStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.life
	if l == nil || st.Phase != messages.PhaseServing {
		return
	}
	for what, runs := range l.running {
		if runs && what != "Serve" {
			return
		}
	}
	if open := l.line != nil; open == st.Suspended || open && !l.running["Serve"] {
		s.wrong("%s: suspended: %v; open: %v, served: %v", s.name, st.Suspended, open, l.running["Serve"])
	}
}

// judge is called when everything is over; crashed says that actors have been stopped.
func (s *strict) judge(crashed bool) {
	if s.life != nil {
		s.wrong("%s was not released: %+v", s.name, s.life)
	}
	for _, l := range s.lives {
		if l.opened && !l.released {
			s.wrong("%s: a life without Release", s.name)
		}
		if l.tracker != nil {
			s.judgeCounts(l, crashed)
		}
	}
}

func (s *strict) judgeCounts(l *life, crashed bool) {
	c := l.tracker.group.Counts()
	for n := range c.Accepted + 1 { // the first is the server's own
		if id := l.tracker.actor(n); found(id) {
			s.wrong("%s: %s is there still", s.name, id)
		}
	}
	places := l.tracker.taken.Load()
	if l.tracker.held.Load() {
		places--
	}
	if c.Open != 0 || c.Busy != 0 || c.InFlight != 0 || places != 0 {
		s.wrong("%s: left: %+v, %d places", s.name, c, places)
	}
	if ended := c.Drained + c.Unanswered + c.Killed + c.Crashed + c.Refused; ended != int64(len(l.guests)) {
		s.wrong("%s: %d connections, %d ends: %+v", s.name, len(l.guests), ended, c)
	}
	var panicked, owed, doubt int64
	for _, g := range l.guests {
		if g.panicked.Load() {
			panicked++
		}
		switch {
		case !g.owed.Load():
		case g.gone.Load() || g.crossed.Load():
			doubt++
		default:
			owed++
		}
	}
	if c.Lost+c.Late < owed || c.Lost > owed+doubt { // who was turned away may have said something
		s.wrong("%s: %d requests were not answered, and %d perhaps: %+v", s.name, owed, doubt, c)
	}
	if c.Crashed > panicked && !crashed {
		s.wrong("%s: %d panicked: %+v", s.name, panicked, c)
	}
	if len(l.reports) == 0 {
		s.wrong("%s: no Report has it", s.name)
		return
	}
	for _, r := range l.reports {
		s.judgeReport(l, c, r)
	}
}

func (s *strict) judgeReport(l *life, c messages.Counts, r messages.ServerReport) {
	if l.first == nil {
		l.first = &c
	}
	for _, n := range []struct {
		what               string
		in                 int
		before, first, all int64
	}{
		{"drained", r.Drained, l.before.Drained, l.first.Drained, c.Drained},
		{"killed", r.Killed, l.before.Killed, l.first.Killed, c.Killed},
		{"crashed", r.Crashed, l.before.Crashed, l.first.Crashed, c.Crashed},
		{"lost", r.Lost, l.before.Lost, l.first.Lost, c.Lost},
	} {
		if in := int64(n.in); in < n.all-n.first || in > n.all-n.before {
			s.wrong("%s: %s: %d in the Report, %d before, %d then, %d in all", s.name, n.what, in, n.before, n.first, n.all)
		}
	}
	lost, cut, seen := 0, 0, make(map[int64]bool)
	for _, c := range r.Stragglers {
		if c.Lost {
			lost++
		}
		if c.Outcome == messages.OutcomeKilled || c.Outcome == messages.OutcomeCrashed {
			cut++
		}
		seen[c.ID] = true
	}
	if lost != r.Lost || cut != r.Killed+r.Crashed || len(seen) != len(r.Stragglers) {
		s.wrong("%s: not everyone is named: %+v", s.name, r)
	}
}
