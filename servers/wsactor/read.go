package wsactor

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/gorilla/websocket"
)

// A message is read into a buffer that is borrowed when its first frame has come.
var readBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// largestKept is the largest buffer that is kept for others.
const largestKept = 64 << 10

// open is the first of the goroutines that read: there is one at any time.
func (s *Session) open() {
	if to := s.handler.options.Actor; to != nil {
		s.handler.system.Root.Send(to, Opened{s})
	}
	s.wait()
}

// wait is the goroutine of an idle session: it waits, on a small stack, for the
// beginning of a frame, and is succeeded by converse. An answer to our ping is
// nothing to converse about.
func (s *Session) wait() {
	c := s.patient
	for {
		n, err := c.Conn.Read(c.first[:])
		if n == len(emptyPong) && c.first[0] == emptyPong[0] && c.first[1] == emptyPong[1] {
			c.frames.follow(c.first[:n])
			s.heard.Store(now())
			continue
		}
		if c.early = c.first[:max(n, 0)]; n <= 0 {
			s.tell(ended{err})
			return
		}
		s.handler.crew.do(task{kind: reading, session: s})
		return
	}
}

// emptyPong is a client's pong without payload; the mask does not matter.
var emptyPong = [6]byte{0x8a, 0x80}

// converse reads messages until gorilla holds no more of them.
func (s *Session) converse() {
	for {
		kind, r, err := s.conn.NextReader()
		if err == nil {
			err = s.take(kind, r)
		}
		if err != nil {
			s.tell(ended{why(err)})
			return
		}
		s.taken++
		if c := s.patient; c.frames.between() && !c.frames.control && c.frames.messages == s.taken && len(c.early) == 0 {
			go s.wait()
			return
		}
	}
}

// take reads one message and hands it over.
func (s *Session) take(kind int, r io.Reader) error {
	s.heard.Store(now())
	if s.deaf {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	buffer := readBuffers.Get().(*bytes.Buffer)
	defer func() {
		if buffer.Cap() <= largestKept {
			buffer.Reset()
			readBuffers.Put(buffer)
		}
	}()
	if _, err := buffer.ReadFrom(r); err != nil {
		return err
	}
	binary := kind == websocket.BinaryMessage
	f := s.handler.options.Func
	if f == nil {
		s.hand(Message{Session: s, Binary: binary, Data: slices.Clone(buffer.Bytes())})
		return nil
	}
	s.call(f, &Message{Session: s, Binary: binary, Data: buffer.Bytes()})
	return nil
}

// call calls the user's function. As in net/http, what panics ends its connection alone.
func (s *Session) call(f func(*Message), m *Message) {
	if s.drain.Busy() {
		defer s.drain.Done()
	}
	defer func() {
		if reason := recover(); reason != nil {
			s.handler.system.Logger().Error("wsactor: Func has panicked", slog.Any("reason", reason), slog.String("stack", string(debug.Stack())))
			s.deaf = true
			s.tell(Bye{Code: websocket.CloseInternalServerErr})
		}
	}()
	f(m)
}

// why is the client's close frame, if there is one in err.
func why(err error) error {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return closed
	}
	return err
}
