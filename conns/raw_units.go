package conns

import "github.com/godrain/drain/messages"

// This file is where the units of work of a raw connection are counted, which several
// goroutines may begin and end: the handler's reads the next one meanwhile. The phase
// follows the count a moment later; who reads looks at the count before it leaves, and
// has begun what it has read before it reads again.

// begins is called before the phase says so.
func (r *raw) begins() { r.units.Add(1) }

// inProgress reports whether there is a unit that was begun and has not ended.
func (r *raw) inProgress() bool { return r != nil && r.units.Load() > 0 }

// ends counts one unit less. Was none begun, it is one that Begin has not counted.
func (r *raw) ends() (begun, last bool) {
	for {
		n := r.units.Load()
		if n == 0 {
			return false, true
		}
		if r.units.CompareAndSwap(n, n-1) {
			return true, n == 1
		}
	}
}

// idle is Conn.Idle.
func (r *raw) idle() {
	c := r.conn
	described := c.unit.Load()
	begun, last := r.ends()
	if !begun {
		c.group.Requests.Add(1)
		c.requests.Add(1)
	}
	if !last {
		return
	}
	if !c.has(severed) { // else the Report names it
		c.unit.CompareAndSwap(described, nil) // or there is another by now
	}
	c.since.Store(now())
	c.step(rest)
	for r.inProgress() { // another goroutine has begun it meanwhile, which the phase has not kept
		if before, _ := c.step(begin); before == idle {
			c.owner.Busy()
		}
		if r.inProgress() {
			return // its end is yet to come
		}
		c.step(rest)
	}
	if r.reads.Load() { // elsewhere: it has not seen that the unit has ended
		c.waits()
	}
}

// comes is called by the reader that enters Read. It says so before it looks whether
// the last unit has ended, and idle looks the other way round: one of the two sees the
// other.
func (r *raw) comes() {
	r.reads.Store(true)
	if r.conn.phase() == rested {
		r.conn.waits()
	}
}

// A raw connection stands between itself and its owner, who wants to be told by one
// goroutine at a time, and in order. Who comes while another is telling has that one
// look at the phase once more.

// Busy implements Owner.
func (r *raw) Busy() { r.tell() }

// Idle implements Owner.
func (r *raw) Idle() { r.tell() }

// Ended implements Owner.
func (r *raw) Ended(outcome messages.Outcome, lost int) { r.owner.Ended(outcome, lost) }

func (r *raw) tell() {
	if r.telling.Add(1) > 1 {
		return
	}
	for n := int32(1); n > 0; n = r.telling.Add(-n) {
		switch r.conn.phase() {
		case reading, working:
			r.owner.Busy()
		case idle:
			r.owner.Idle()
		}
	}
}

var _ Owner = (*raw)(nil)
