package wsactor

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"github.com/godrain/drain/conns"
)

// write starts the writer, if there is something to write and none at it.
func (s *Session) write() {
	if s.writing || s.closed {
		return
	}
	if len(s.queue) == 0 {
		if s.bye != nil {
			s.shut()
			go s.sayBye(*s.bye)
		}
		return
	}
	what := s.queue[0]
	if s.queue = s.queue[1:]; len(s.queue) == 0 {
		s.queue = nil // an idle session keeps nothing
	}
	s.admit()
	s.begin(what)
}

func (s *Session) begin(what any) {
	s.writing = true
	s.handler.crew.do(task{writing, s, what})
}

// admit gives room to who waits for it.
func (s *Session) admit() {
	for len(s.waiting) > 0 && len(s.queue) < s.handler.options.Queue {
		p := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.queue = append(s.queue, p.what)
		p.done <- nil
	}
}

// onWithdrawn has a message not sent whose sender waits no longer, if it still waits for
// room: what was taken is not denied.
func (s *Session) onWithdrawn(w withdrawn) {
	for i, p := range s.waiting {
		if p.done == w.done {
			s.marks.withdrawn(s.unwritten() - len(s.waiting) + i)
			s.waiting = slices.Delete(s.waiting, i, i+1)
			p.done <- w.err
			s.settle()
			return
		}
	}
}

// writeOne writes a message. Setting a deadline costs as much as all else that is
// ours, so one is good for many messages: see Options.WriteTimeout.
func (s *Session) writeOne(what any) error {
	t, most := now(), int64(s.handler.options.WriteTimeout)
	if s.limit < t+most {
		s.limit = t + most + most/4
		_ = s.conn.SetWriteDeadline(epoch.Add(time.Duration(s.limit)))
	}
	switch m := what.(type) {
	case Text:
		return s.conn.WriteMessage(websocket.TextMessage, []byte(m))
	case Binary:
		return s.conn.WriteMessage(websocket.BinaryMessage, m)
	}
	return nil
}

func (s *Session) onWritten(w written) {
	s.writing = false
	if w.err != nil && !s.closed {
		s.onBroken(w.err)
	}
	s.marks.written()
	s.settle()
	s.write()
}

// onBroken ends a session that cannot be written to any more: gorilla's first error is
// its last word, and a part of a frame may be out.
func (s *Session) onBroken(err error) {
	s.shut()
	switch {
	case errors.Is(err, conns.ErrDraining), errors.Is(err, websocket.ErrCloseSent):
		// A close frame is out, ours or the answer to the client's: the reader goes on
		// to the end.
	default:
		s.broken = err
		go s.conn.Close()
	}
}

// marks are messages that were handled, whose answers are being written. The mark of
// one ends when everything has been written that waited when it was handled, whatever
// comes behind that: so a writer that never rests holds no drain up.
type marks struct {
	first int // these wait for
	ahead int // so many to be written
	then  int // and these for what waits after that
}

// add says that a message was handled, with so many to be written.
func (m *marks) add(waiting int) {
	if m.first == 0 {
		m.first, m.ahead = 1, waiting
		return
	}
	m.then++
}

// written says that one was written.
func (m *marks) written() { m.ahead-- }

// dropped says that one is not going to be written. The oldest that waits is behind
// the one that is being written.
func (m *marks) dropped() {
	if m.ahead > 1 {
		m.ahead--
	}
}

// withdrawn says that one behind so many others is not going to be written.
func (m *marks) withdrawn(behind int) {
	if behind < m.ahead {
		m.ahead--
	}
}

// due returns how many end now, with so many to be written.
func (m *marks) due(waiting int) (n int) {
	for m.first > 0 && (m.ahead <= 0 || waiting == 0) {
		n += m.first
		m.first, m.then, m.ahead = m.then, 0, waiting
	}
	return n
}

// unwritten is how many messages are to be written.
func (s *Session) unwritten() int {
	if s.closed {
		return 0
	}
	n := len(s.queue) + len(s.waiting)
	if s.writing {
		n++
	}
	return n
}

// settle ends the marks that are due: a drain may say goodbye now.
func (s *Session) settle() {
	for range s.marks.due(s.unwritten()) {
		s.drain.Done()
	}
}

// leave closes the session when what waits has been written.
func (s *Session) leave(b Bye) {
	if s.closed {
		return
	}
	if err := sendable(b); err != nil {
		// Closed is not told to a Func.
		s.cause = fmt.Errorf("%w: the session was closed with 1011", err)
		s.handler.system.Logger().Error(s.cause.Error())
		b = Bye{Code: websocket.CloseInternalServerErr}
	}
	s.bye = &b
	s.write()
}

// sayBye writes the close frame; the reader sees the client's answer, or gives up.
func (s *Session) sayBye(b Bye) {
	if b.Code == 0 {
		b.Code = websocket.CloseNormalClosure
	}
	deadline := time.Now().Add(s.handler.options.WriteTimeout)
	if s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(b.Code, b.Reason), deadline) != nil {
		_ = s.conn.Close()
		return
	}
	_ = s.conn.SetReadDeadline(deadline)
}

// sendable says what is wrong with what is to be sent.
func sendable(what any) error {
	switch m := what.(type) {
	case Text, Binary:
		return nil
	case Bye:
		if m.Code == 0 {
			m.Code = websocket.CloseNormalClosure
		}
		if err := conns.ValidateClose(m.Code, m.Reason); err != nil {
			return fmt.Errorf("wsactor: a Bye that cannot be sent: %w", err)
		}
		return nil
	default:
		return fmt.Errorf("wsactor: a %T cannot be sent: Text, Binary and Bye can", what)
	}
}
