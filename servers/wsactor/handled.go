package wsactor

import "github.com/asynkron/protoactor-go/actor"

// A message that the user's actor has takes a place in the window, and holds the
// goodbye of a drain up, until it is handled and its answers are written. It is
// counted by the reader, who hands over, and by the session, who hears that it is
// handled; neither keeps it.
//
// Nobody hears of a message over which Receive has panicked. Where that matters (the
// window is full, or the drain has come), the session sends a Touch behind what it has
// handed over: an actor that answers it is through with all of that. If the actor
// ends, so does the session.

// ticket is what the session knows of a message that an actor has. It is the session's
// from the moment it is handed over; the Message, which may be copied, is not.
type ticket struct {
	number int64
	hops   int32 // times it was forwarded, but for those whose sender is through
	away   bool  // it was forwarded
	over   bool  // everybody who has it has handled it
}

// parcel is a message with its ticket: one piece of memory.
type parcel struct {
	Message
	ticket
}

// hand gives a message to the user's actor, and waits while its window is full.
func (s *Session) hand(m Message) {
	p := &parcel{Message: m}
	window := int64(s.handler.options.Window)
	switch {
	case s.drain.Busy():
		if s.given-s.over.Load() >= window && !s.untilRoom() {
			s.deaf = true
			s.drain.Done()
			return
		}
		s.given++
		p.number = s.given
		p.Message.ticket = &p.ticket
	case s.given > s.over.Load() || s.late == window:
		// The goodbye waits for what the actor has and for nothing more: this is the
		// end of what it gets.
		s.deaf = true
		return
	default:
		s.late++ // it crosses the close frame: no answer can reach the client
	}
	s.handler.system.Root.RequestWithCustomSender(s.handler.options.Actor, &p.Message, s.pid)
	s.handed.Store(s.given)
	if s.leaving.Load() {
		s.tell(probe{})
	}
}

// untilRoom waits for a place, and reports whether there is one: not if the session
// ends meanwhile.
func (s *Session) untilRoom() bool {
	room := make(chan bool, 1)
	s.tell(full{room})
	select {
	case yes := <-room:
		return yes
	case <-s.gone:
		return false
	}
}

// onFull remembers who waits for room.
func (s *Session) onFull(room chan bool) {
	switch {
	case s.closed:
		room <- false
	case s.handed.Load()-s.over.Load() < int64(s.handler.options.Window):
		room <- true
	default:
		s.room = room
		s.probe()
	}
}

// makeRoom lets the reader go on.
func (s *Session) makeRoom(yes bool) {
	if s.room != nil {
		s.room <- yes
		s.room = nil
	}
}

// onHandled is called when an actor has handled a message. What it sent while it did
// so has come before this.
func (s *Session) onHandled(t *ticket) {
	switch {
	case t == nil || t.over:
		return // forwarded without a word, it ended before
	case t.hops > 0:
		t.hops-- // it goes on elsewhere
		return
	case t.away:
		s.abroad--
	case t.number <= s.through:
		return // it was given up
	}
	t.over = true
	s.release(1)
	s.marks.add(s.unwritten())
	s.settle()
}

// onForwarded is called before whom it is forwarded to gets a message.
func (s *Session) onForwarded(t *ticket) {
	if t == nil || t.over {
		return
	}
	if t.hops++; !t.away {
		t.away = true
		s.abroad++
	}
}

// release gives n places back.
func (s *Session) release(n int64) {
	s.over.Store(s.over.Load() + n)
	s.makeRoom(true)
}

// probe has the user's actor say when it is through with what it was handed.
func (s *Session) probe() {
	n := s.handed.Load()
	if s.asked || s.closed || n-s.over.Load()-s.abroad <= 0 {
		return
	}
	s.asked, s.until = true, n
	// Its mailbox may be bounded, and this its own goroutine, in the midst of Send.
	go s.handler.system.Root.RequestWithCustomSender(s.handler.options.Actor, &actor.Touch{}, s.pid)
}

// onTouched gives up what the actor had been handed and has not handled. A pool's
// routee says nothing about the others.
func (s *Session) onTouched(m *actor.Touched) {
	if !s.asked || !m.Who.Equal(s.handler.options.Actor) {
		return
	}
	s.asked, s.through = false, s.until
	if lost := s.through - s.over.Load() - s.abroad; lost > 0 {
		s.release(lost)
		for range lost {
			s.drain.Done()
		}
	}
	if s.room != nil || s.leaving.Load() {
		s.probe()
	}
}

// onLeaving is called when the drain has come.
func (s *Session) onLeaving() {
	s.leaving.Store(true)
	s.probe()
}
