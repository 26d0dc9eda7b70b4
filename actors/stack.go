package actors

import "sync/atomic"

// stack is a lock-free multi-producer queue, taken whole (Treiber, 1986).
type stack struct{ top atomic.Pointer[node] }

type node struct {
	msg  any
	next *node
}

func (s *stack) empty() bool { return s.top.Load() == nil }

func (s *stack) push(msg any) {
	n := &node{msg: msg}
	for {
		n.next = s.top.Load()
		if s.top.CompareAndSwap(n.next, n) {
			return
		}
	}
}

// takeAll empties the stack and returns its messages, oldest first.
func (s *stack) takeAll() (oldest *node) {
	if s.empty() {
		return nil
	}
	for n := s.top.Swap(nil); n != nil; {
		n, n.next, oldest = n.next, oldest, n
	}
	return oldest
}
