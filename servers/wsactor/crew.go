package wsactor

import "time"

// crew is who reads messages and writes them: goroutines that wait for more, for a
// moment, when they are done. A new goroutine starts with 2 KiB of stack and copies it
// twice on its way down to the socket; for each message, that costs as much as all
// else that is ours.
type crew struct {
	work chan task
	rest chan struct{} // a place for each that waits
}

const (
	crewSize = 128                    // at most so many wait, on 8 KiB each
	crewRest = 100 * time.Millisecond // for so long
)

// task is to read a session's next messages, or to write one.
type task struct {
	kind    job
	session *Session
	what    any // to write: Text or Binary
}

type job uint8

const (
	reading job = iota
	writing
)

func newCrew() *crew {
	return &crew{work: make(chan task), rest: make(chan struct{}, crewSize)}
}

// do has somebody do t. It never waits.
func (c *crew) do(t task) {
	select {
	case c.work <- t:
	default:
		go c.serve(t)
	}
}

func (c *crew) serve(t task) {
	var patience *time.Timer
	for {
		t.do()
		select {
		case c.rest <- struct{}{}:
		default:
			return
		}
		if patience == nil {
			patience = time.NewTimer(crewRest)
		} else {
			patience.Reset(crewRest)
		}
		var more bool
		select {
		case t = <-c.work:
			more = true
		case <-patience.C:
		}
		<-c.rest
		if !more {
			return
		}
		patience.Stop()
	}
}

func (t task) do() {
	switch t.kind {
	case reading:
		t.session.converse()
	case writing:
		t.session.tell(written{t.session.writeOne(t.what)})
	}
}
