// Package turn passes a turn on: one goroutine has it at a time, the others wait.
package turn

import "sync/atomic"

// Turn is whose turn it is. While nobody waits it costs two atomic additions, where a
// channel that holds a token takes a lock twice (a benaphore: B. Schillings, Be
// Newsletter 26, 1996). The zero Turn is of no use: see New.
type Turn struct {
	claims atomic.Int32  // whoever has it, and who waits
	next   chan struct{} // hands it on
}

// New makes a turn that nobody has.
func New() Turn { return Turn{next: make(chan struct{}, 1)} }

// Take waits for the turn.
func (t *Turn) Take() {
	if t.claims.Add(1) > 1 {
		<-t.next
	}
}

// Give ends it. It does not block: only whoever has the turn hands it on, so there is
// room for it.
func (t *Turn) Give() {
	if t.claims.Add(-1) > 0 {
		t.next <- struct{}{}
	}
}
