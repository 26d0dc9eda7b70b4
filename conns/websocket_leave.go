package conns

import (
	"sync/atomic"
	"time"

	"github.com/godrain/drain/messages"
)

// escort sees a connection off that its handler has taken over. It is a goroutine
// that lives from Close to the end of the connection.
//
// A WebSocket's goodbye waits for what is in progress:
//
//   - the message being written, and Busy without its Done, however long;
//   - messages that queue behind it: the libraries serialise their writers where
//     we cannot see it, so another one may begin within settle;
//   - a message that is arriving, until nothing has come for IdleGrace;
//   - a handler that has read something and has neither written since nor come
//     back for more: it is at work on its answer, for up to atWork. What is written
//     may be somebody else's, a broadcast, a ping, a pong: of one that has come back to
//     read before it is only the coming back that counts;
//   - if several messages came together, one that has written fewer than those
//     and has not come back: it is at work on the next, for as long again, if they
//     came no longer ago than all that takes.
//
// At most goFirst messages in each direction go first, and none that begins when
// half the time of the drain is over: then the goodbye comes at the very next
// boundary.
type escort struct {
	moved chan struct{} // something has happened
	free  chan struct{} // the listener has left
	timer *time.Timer
	began int64
	hurry int64 // when nothing goes first any more

	// What was on its way when the goodbye was written, and with that. Of whoever wrote it.
	before, after int
	owed          atomic.Bool // see owes; when it began to linger

	first uint32 // times the write side came free; of whoever holds it
	heard uint32 // messages of the peer's; of whoever is in Read
	kept  []byte // read by the listener; of whoever is in Read
}

const (
	settle  = 10 * time.Millisecond
	atWork  = 5 * time.Second
	goFirst = 256
)

// leave starts the escort. It is called once or more, and never blocks.
func (k *Takeover) leave() {
	t := now()
	e := &escort{moved: make(chan struct{}, 1), free: make(chan struct{}, 1), began: t, hurry: k.group.halfway(t)}
	if !k.leaver.CompareAndSwap(nil, e) {
		return
	}
	k.set(departing, 0)
	go k.depart(e)
}

// signal tells the escort that something has happened.
func (k *Takeover) signal() {
	if e := k.leaver.Load(); e != nil {
		select {
		case e.moved <- struct{}{}:
		default:
		}
	}
}

// wait waits for something to happen, or for d; a negative d is for ever.
func (e *escort) wait(d time.Duration) (timeout bool) {
	if d < 0 {
		<-e.moved
		return false
	}
	e.timer.Reset(d)
	select {
	case <-e.moved:
		return false
	case <-e.timer.C:
		return true
	}
}

// depart is the whole way out.
func (k *Takeover) depart(e *escort) {
	e.timer = time.NewTimer(time.Hour) // until wait; one of 0 can crash Go 1.26's race detector in a bubble
	defer e.timer.Stop()
	k.callLeaving()
	outcome, lost := messages.OutcomeDrained, false
	if k.untilQuiet(e) {
		outcome, lost = k.untilAnswered(e)
	}
	k.set(over, 0)
	k.interrupt()
	if k.has(killed) {
		return // Kill closes it and tells of its end
	}
	for k.is(inRead) { // not for long: it sees over
		e.wait(-1)
	}
	if k.is(panicked) {
		outcome = messages.OutcomeCrashed
	}
	// A peer that has been silent for CloseTimeout is not waited for once more.
	e.owed.Store(k.owes()) // before we half-close, which counts as bytes too
	silent := outcome == messages.OutcomeUnanswered && k.group.CloseTimeout >= k.group.Linger && !e.owed.Load()
	patience := k.group.CloseTimeout
	if k.is(upgrading) {
		patience = 0 // it has had its time
	}
	if !k.is(ended) && !silent && !k.shaken() && !k.linger(patience) {
		switch {
		case k.cutShort():
			outcome, lost = messages.OutcomeKilled, true
		case !k.is(upgrading):
			outcome, lost = k.untakenAs(outcome, lost)
		}
	}
	_ = k.layer.Close()
	k.finish(outcome, lost)
}

// untilQuiet waits until the connection may go, and says goodbye. It reports
// whether a close frame is out.
func (k *Takeover) untilQuiet(e *escort) bool {
	looked := false // in a tunnel: something lies there that nobody reads
	for {
		w := k.word.Load()
		switch {
		case k.has(killed):
			return false
		case w&said != 0 && w&taken == 0:
			return true
		case w&shut != 0 && (w&upgrading == 0 || w&(taken|midOut) != 0):
			// The handler has closed it in the midst of something. A write in progress
			// does not hold it up.
			_ = k.layer.SetWriteDeadline(time.Now().Add(k.group.Linger))
			return false
		}
		if w&exhausted != 0 && w&(marks|shut) == 0 && k.sayLast() {
			continue // it queues like any other message
		}
		if d := k.hold(e, w); d != 0 {
			e.wait(d)
			looked = false
			continue
		}
		switch {
		case w&upgrading == 0:
			if w&ended == 0 && !looked && k.pending() {
				// Somebody may be about to read it. If nobody does, nobody will.
				looked = e.wait(max(k.group.IdleGrace, settle))
				continue
			}
			return false
		case w&torn != 0:
			return false // a library writes nothing more, and no close frame can follow
		case w&shut == 0 && k.sayLast():
		case k.word.CompareAndSwap(w, w|taken):
			k.sayGoodbye()
			k.giveBack()
		}
	}
}

// hold is for how long the goodbye must wait: 0 not at all, negative until
// something happens.
func (k *Takeover) hold(e *escort, w uint64) time.Duration {
	t := now()
	grace := int64(max(k.group.IdleGrace, settle))
	switch {
	case w&shut != 0:
		return 0
	case w&upgrading == 0:
		if w&(queued|marks) != 0 {
			return time.Duration(grace)
		}
		until := k.active() + int64(k.group.IdleGrace)
		if heard := k.heard.Load(); heard > k.spoke.Load() { // an answer is being made, it may be
			until = max(until, min(heard+int64(atWork), e.hurry))
		}
		return time.Duration(max(0, until-t))
	case w&torn != 0 && w&(taken|queued|marks) == 0:
		return time.Duration(max(0, k.spoke.Load()+grace-t)) // a writer of its own kind may go on
	case w&(taken|midOut|marks) != 0:
		return -1
	case w&(exhausted|ended|answered) != 0 || t > e.hurry:
		return 0
	}
	heard, spoke := k.heard.Load(), k.spoke.Load()
	if spoke == heard+1 { // a guess: it may have been a moment ago
		spoke = max(spoke, e.began)
	}
	until := max(heard, spoke) + int64(settle)
	switch {
	case w&(inRead|several) == several:
		// What has been written since may be no answer, but no answer takes longer.
		until = max(until, min(max(heard, spoke), heard+(k.batch.size()-1)*int64(atWork))+int64(atWork))
	case w&midIn != 0:
		until = max(until, heard+grace)
	case w&inRead == 0 && (heard > spoke || w&returns != 0):
		until = max(until, heard+int64(atWork))
	}
	return time.Duration(max(0, min(until, e.hurry+1)-t))
}

// backlog is how much more than a close frame must have been on its way for the
// peer to be given CloseTimeout again, once it has taken that.
const backlog = 1 << 10

// untilAnswered waits for the peer's close frame (RFC 6455, section 7.1.2), for
// CloseTimeout after the peer has taken what we sent. If nobody reads, the
// listener does.
func (k *Takeover) untilAnswered(e *escort) (messages.Outcome, bool) {
	left, until := unsent(k.sock()), now()+int64(k.group.CloseTimeout)
	for !k.is(answered|ended) && !k.has(killed) {
		d := time.Duration(max(0, until-now()))
		alone := !k.is(inRead | full)
		if alone && k.is(everRead) && !k.is(shut) {
			d = min(d, settle) // the handler may be on its way back
		} else if alone {
			k.startListening(e)
			continue
		}
		if !e.wait(d) {
			continue
		}
		if now() < until {
			k.startListening(e)
			continue
		}
		still := unsent(k.sock())
		if still >= left || left < backlog {
			break
		}
		left, until = still, now()+int64(k.group.CloseTimeout)
	}
	return k.farewellOutcome(), false
}

// shaken reports whether there is nothing to linger for: both close frames are
// through, and behind its own the peer sends nothing (RFC 6455, section 5.5.1) that
// a close could answer with a reset. TLS has a goodbye of its own to wait for.
func (k *Takeover) shaken() bool {
	return k.is(said) && k.is(answered) && k.below == nil && unsent(k.sock()) == 0 && !k.pending()
}

// cutShort reports whether the peer has stopped reading and has not had its last
// message whole.
func (k *Takeover) cutShort() bool {
	return k.is(said) && !k.is(answered) && k.messageUntaken()
}

// messageUntaken reports, once the goodbye is said, whether the peer has stopped
// reading and is missing more than that.
func (k *Takeover) messageUntaken() bool {
	if !untaken(k.sock(), k.spoke.Load()) {
		return false
	}
	if e := k.leaver.Load(); e != nil && k.parting.Load() != 0 { // it lingers
		return e.owed.Load()
	}
	return k.owes()
}

// owes reports, once the goodbye is said, whether the peer is missing anything older: one
// that has vanished will never take the goodbye. If it was the handler's, nobody knows.
func (k *Takeover) owes() bool {
	left, e, w := unsent(k.sock()), k.leaver.Load(), k.word.Load()
	if e == nil || w&spoken == 0 || w&said == 0 { // or it is being written still
		return left > 0
	}
	return left > e.after-e.before
}

func (k *Takeover) farewellOutcome() messages.Outcome {
	if k.is(answered) {
		return messages.OutcomeDrained
	}
	return messages.OutcomeUnanswered
}

func (k *Takeover) startListening(e *escort) {
	w := k.word.Load()
	if w&(inRead|wanted|full) == 0 && k.word.CompareAndSwap(w, w|inRead|listening) {
		go k.listen(e)
	}
}
