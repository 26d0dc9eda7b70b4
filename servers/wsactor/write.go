package wsactor

import (
	"time"

	"github.com/gorilla/websocket"
)

// write starts the writer, if there is something to write and none at it.
func (s *Session) write() {
	if s.writing || s.closed {
		s.settle()
		return
	}
	if len(s.queue) == 0 {
		s.settle()
		if s.bye != nil {
			s.closed = true
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
	s.handler.crew.do(task{s, what})
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

// writeOne writes a message. Setting a deadline costs as much as all else that is
// ours, so one is good for many messages: see Options.WriteTimeout.
func (s *Session) writeOne(what any) error {
	t, most := now(), int64(s.handler.options.WriteTimeout)
	if s.until < t+most {
		s.until = t + most + most/4
		_ = s.conn.SetWriteDeadline(epoch.Add(time.Duration(s.until)))
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
		// In a drain the close frame is out; the reader goes on until the answer.
		s.queue = nil
	}
	s.write()
}

// settle ends the work of the messages that were handled, once their answers are
// written: a drain may say goodbye now.
func (s *Session) settle() {
	if s.writing && !s.closed {
		return
	}
	for ; s.marks > 0; s.marks-- {
		s.drain.Done()
	}
}

// sayBye writes the close frame; the reader sees the client's answer, or gives up.
func (s *Session) sayBye(b Bye) {
	if b.Code == 0 {
		b.Code = websocket.CloseNormalClosure
	}
	deadline := time.Now().Add(s.handler.options.WriteTimeout)
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(b.Code, b.Reason), deadline)
	_ = s.conn.SetReadDeadline(deadline)
}
