package servers

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"github.com/godrain/drain/conns"
)

// eventStream follows a response of the type text/event-stream, to know where its
// events end: https://html.spec.whatwg.org/multipage/server-sent-events.html.
type eventStream struct {
	interrupt *conns.Interrupt
	opaque    bool // compressed: what is flushed is whole
	fields    bool // the event in progress has some
	empty     bool // nothing of the current line is written
	comment   bool // the current line is one
	cr        bool // the last byte is a CR: an LF now belongs to it
}

// newEventStream returns nil if the header about to be written is of no stream of
// events that a drain may end, or of no request of ours. What is asked for by another
// method than GET ends by itself: the answer of a language model, say. A browser's
// EventSource, and whatever else goes on for ever, has no other method.
func newEventStream(h http.Header, r *http.Request) *eventStream {
	if !isEventStream(h) || r.Method != http.MethodGet {
		return nil
	}
	i := conns.InterruptOf(r.Context())
	if i == nil {
		return nil
	}
	i.Stream()
	return &eventStream{interrupt: i, empty: true, opaque: len(h["Content-Encoding"]) > 0}
}

func isEventStream(h http.Header) bool {
	const eventStreamType = "text/event-stream"
	t := h["Content-Type"]
	return len(t) > 0 && len(t[0]) >= len(eventStreamType) &&
		strings.EqualFold(t[0][:len(eventStreamType)], eventStreamType)
}

// write has p written by f.
func (s *eventStream) write(p []byte, f func([]byte) (int, error)) (int, error) {
	if err := s.interrupt.Writing(); err != nil {
		return 0, err
	}
	n, err := f(p)
	s.follow(p[:max(n, 0)])
	s.interrupt.Wrote(s.whole())
	return n, err
}

// flushed is called when the handler has flushed what it has written.
func (s *eventStream) flushed() {
	if s != nil && s.opaque {
		s.interrupt.Wrote(true)
	}
}

// whole reports whether the stream may end here: no event is in progress. A comment is
// none.
func (s *eventStream) whole() bool { return !s.opaque && !s.fields && (s.empty || s.comment) }

// follow looks at the lines' ends, LF, CR or CR LF, and at their first bytes. An event
// ends with a blank line; a line that begins with a colon is a comment.
func (s *eventStream) follow(p []byte) {
	for len(p) > 0 {
		switch b := p[0]; {
		case b == '\n' && s.cr:
			s.cr = false
		case b == '\n' || b == '\r':
			s.fields = !s.empty && (s.fields || !s.comment)
			s.empty, s.comment, s.cr = true, false, b == '\r'
		case s.empty:
			s.empty, s.comment, s.cr = false, b == ':', false
		default:
			end := bytes.IndexAny(p, "\r\n")
			if end < 0 {
				return
			}
			p = p[end:]
			continue
		}
		p = p[1:]
	}
}

// interrupted reports whether a drain has ended it, between two events.
func (s *eventStream) interrupted() bool { return s != nil && s.interrupt.Interrupted() }

// abandoned reports whether a handler whose stream a drain has ended, or whose client has
// ended it, panicked for just that: httputil.ReverseProxy does, when its context is
// cancelled. What it has written is whole, or nobody wants it, so the response ends in
// order. Any other panic goes on.
func abandoned(reason any) bool {
	switch reason {
	case nil:
		return false // it has ended its goroutine
	case http.ErrAbortHandler:
		return true
	}
	panic(reason)
}

// closeNotify is http.CloseNotifier's channel: it is told what a context is, when the
// client is gone, or when a drain ends the request.
func closeNotify(ctx context.Context) <-chan bool {
	gone := make(chan bool, 1)
	context.AfterFunc(ctx, func() { gone <- true })
	return gone
}
