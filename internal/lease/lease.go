// Package lease records which tree has a server: a server belongs to one tree at a
// time.
package lease

import (
	"sync/atomic"
	"time"
)

// Lease is the one of a server. The zero value is free.
type Lease struct{ term atomic.Pointer[term] }

type term struct {
	over chan struct{} // closed at its end
	ends atomic.Pointer[func() bool]
}

// patience is how long who comes next waits for a tree that is about to let go.
const patience = time.Second

// Take takes the lease, and reports false if another tree has it. One that is being
// drained lets go a moment after its Report: whoever starts the server again then waits
// for that, for a second at most.
func (l *Lease) Take() bool {
	mine := &term{over: make(chan struct{})}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		if l.term.CompareAndSwap(nil, mine) {
			return true
		}
		other := l.term.Load()
		if other == nil {
			continue
		}
		if ends := other.ends.Load(); ends == nil || !(*ends)() {
			return false
		}
		select {
		case <-other.over:
		case <-timer.C:
			return false
		}
	}
}

// Ends says how to see that it is about to end.
func (l *Lease) Ends(how func() bool) {
	if t := l.term.Load(); t != nil {
		t.ends.Store(&how)
	}
}

// End gives it back.
func (l *Lease) End() {
	if t := l.term.Swap(nil); t != nil {
		close(t.over)
	}
}

// Held reports whether a tree has it.
func (l *Lease) Held() bool { return l.term.Load() != nil }
