package conns

import (
	"net"
	"time"
)

// write is Write. In a tunnel it is only counted; on its way to a WebSocket and
// as one, it holds the token.
func (k *Takeover) write(p []byte) (int, error) {
	if !k.is(upgrading) {
		return k.pass(p)
	}
	k.take()
	if w := k.word.Load(); w&(spoken|shut) != 0 {
		n, err := k.refuse(p, w)
		k.giveBack()
		return n, err
	}
	n, err := k.layer.Write(p)
	k.written(n, err)
	k.out.failed = err != nil
	k.followOut(p[:n])
	k.giveBack()
	return n, err
}

func (k *Takeover) pass(p []byte) (int, error) {
	k.word.Add(oneQueued)
	n, err := k.layer.Write(p)
	k.written(n, err)
	k.word.Add(^(oneQueued - 1))
	return n, err
}

func (k *Takeover) written(n int, err error) {
	k.gave.Add(int64(n))
	// On a WebSocket an answer comes right behind its question: that saves a look at the
	// clock. Whom it matters to takes it for a guess (hold).
	t := k.heard.Load() + 1
	if t <= k.spoke.Load() || k.word.Load()&(upgrading|departing) != upgrading {
		t = now()
	}
	k.spoke.Store(t)
	if err != nil {
		k.raise(broken)
	}
}

// take takes the token, after those who queue already.
func (k *Takeover) take() {
	for {
		w := k.word.Load()
		if w&taken == 0 {
			if k.word.CompareAndSwap(w, w|taken) {
				return
			}
			continue
		}
		turn := k.turns() // before it can be handed over
		if k.word.CompareAndSwap(w, w+oneQueued) {
			<-turn
			return
		}
	}
}

func (k *Takeover) turns() chan struct{} {
	if turn := k.turn.Load(); turn != nil {
		return *turn
	}
	turn := make(chan struct{}, 1)
	k.turn.CompareAndSwap(nil, &turn)
	return *k.turn.Load()
}

// giveBack gives the token to the first who queues, or frees it. If the
// connection is to leave and has let enough go first, it says goodbye before.
func (k *Takeover) giveBack() {
	if k.is(departing) {
		k.boundary()
	}
	raise, clear := k.standing()
	for {
		w := k.word.Load()
		n := w&^clear | raise
		if w&queued != 0 {
			n -= oneQueued // taken stays: it is the other's now
		} else {
			n &^= taken
		}
		if !k.word.CompareAndSwap(w, n) {
			continue
		}
		if w&queued != 0 {
			*k.turn.Load() <- struct{}{}
		}
		if n&departing != 0 {
			k.signal()
		}
		return
	}
}

// followOut follows what was written.
func (k *Takeover) followOut(p []byte) {
	if !k.answer.over {
		p = p[k.answer.follow(p):]
	}
	if k.answer.over && !k.answer.refused {
		k.out.follow(p)
	}
}

// standing is what the word must say of the write side.
func (k *Takeover) standing() (raise, clear uint64) {
	switch {
	case !k.answer.over:
		return midOut, 0
	case k.answer.refused:
		return 0, midOut | upgrading
	}
	raise, clear = framed, midOut|torn
	if !k.out.between() {
		raise, clear = framed|midOut, torn
		if k.out.failed {
			raise, clear = framed|midOut|torn, 0
		}
	}
	if k.out.closed {
		raise |= said
	}
	return raise, clear
}

// boundary says goodbye in the writer's place if it may be kept waiting no
// longer: the writer holds the token and stands between two messages.
func (k *Takeover) boundary() {
	e := k.leaver.Load()
	if e == nil || !k.answer.over || k.answer.refused || k.out.closed || !k.out.between() {
		return
	}
	if k.is(several) && k.batch.answered() {
		k.set(0, several)
	}
	if e.first++; e.first >= goFirst || now() > e.hurry {
		k.set(exhausted, 0)
	}
	if k.wantsLast() {
		return // the escort calls it
	}
	if w := k.word.Load(); w&exhausted != 0 && w&(marks|bidding|spoken|said|shut) == 0 {
		k.sayGoodbye()
	}
}

// recordCost is what TLS adds to a short write, at least (RFC 8446, section 5.2).
const recordCost = 22

// sayGoodbye writes the close frame. The caller holds the token between two
// messages.
func (k *Takeover) sayGoodbye() {
	k.set(spoken, 0)
	_ = k.layer.SetWriteDeadline(time.Time{}) // it was the handler's
	e := k.leaver.Load()                      // nobody else wants a goodbye
	e.before = unsent(k.sock())
	n, err := k.layer.Write(closeFrame(k.lastWords()))
	cost := n
	if k.below != nil {
		cost += recordCost
	}
	e.after = max(unsent(k.sock()), e.before+cost)
	k.written(n, err)
	if err != nil {
		k.set(said|ended, 0)
		return
	}
	k.set(said, 0)
}

// refuse answers a write that comes after the goodbye. Pretending success of a
// message would lose it silently, and make whoever writes in a loop spin; a pong
// or the handler's own close frame is of no use any more and does no harm.
func (k *Takeover) refuse(p []byte, w uint64) (int, error) {
	if w&shut != 0 {
		return 0, net.ErrClosed
	}
	out := k.out
	out.follow(p)
	if out.message || out.messages != k.out.messages {
		return 0, ErrClosing
	}
	k.out = out
	return len(p), nil
}
