package servers

import (
	"io"
	"net/http"
	"strings"

	"github.com/godrain/drain/conns"
)

// eventStream follows a response of the type text/event-stream, to know where its
// events end: https://html.spec.whatwg.org/multipage/server-sent-events.html.
type eventStream struct {
	interrupt *conns.Interrupt
	blank     bool // the last line is empty, so an event is complete
	empty     bool // nothing of the current line is written
	cr        bool // the last byte is a CR: an LF now belongs to it
}

// newEventStream returns nil if the header about to be written is of no stream of
// events, or of no request of ours.
func newEventStream(h http.Header, r *http.Request) *eventStream {
	if !isEventStream(h) {
		return nil
	}
	i := conns.InterruptOf(r.Context())
	if i == nil {
		return nil
	}
	i.Stream()
	return &eventStream{interrupt: i, empty: true}
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
	s.interrupt.Wrote(s.blank)
	return n, err
}

// follow looks at the lines' ends, LF, CR or CR LF. An event ends with a blank
// line; what stands before the last four bytes does not matter for that.
func (s *eventStream) follow(p []byte) {
	if len(p) > 4 {
		p = p[len(p)-4:]
		s.empty, s.blank, s.cr = false, false, false
	}
	for _, b := range p {
		switch {
		case b == '\n' && s.cr:
			s.cr = false
		case b == '\n' || b == '\r':
			s.blank, s.empty, s.cr = s.empty, true, b == '\r'
		default:
			s.blank, s.empty, s.cr = false, false, false
		}
	}
}

// h2Response is the http.ResponseWriter of HTTP/2 requests: the server's own, but
// that streams of events are followed.
type h2Response struct {
	http.ResponseWriter
	request   *http.Request
	stream    *eventStream
	announced bool
	touched   bool // somebody has asked for the header
}

func (w *h2Response) announce(status int) {
	if !w.announced && status >= 200 {
		w.announced = true
		if w.touched { // asking for it makes one
			w.stream = newEventStream(w.Header(), w.request)
		}
	}
}

// Header implements http.ResponseWriter.
func (w *h2Response) Header() http.Header {
	w.touched = true
	return w.ResponseWriter.Header()
}

// WriteHeader implements http.ResponseWriter.
func (w *h2Response) WriteHeader(status int) {
	w.announce(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *h2Response) Write(p []byte) (int, error) {
	w.announce(http.StatusOK)
	if w.stream != nil {
		return w.stream.write(p, w.ResponseWriter.Write)
	}
	return w.ResponseWriter.Write(p)
}

// WriteString implements io.StringWriter.
func (w *h2Response) WriteString(s string) (int, error) {
	w.announce(http.StatusOK)
	if w.stream != nil {
		return w.stream.write([]byte(s), w.ResponseWriter.Write)
	}
	return io.WriteString(w.ResponseWriter, s)
}

// Flush implements http.Flusher.
func (w *h2Response) Flush() { _ = w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *h2Response) FlushError() error {
	w.announce(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// CloseNotify implements http.CloseNotifier for handlers that still ask for it.
func (w *h2Response) CloseNotify() <-chan bool {
	return w.ResponseWriter.(http.CloseNotifier).CloseNotify() //nolint:staticcheck // the server's has it
}

// Push implements http.Pusher.
func (w *h2Response) Push(target string, opts *http.PushOptions) error {
	if p, ok := w.ResponseWriter.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// Unwrap is for http.ResponseController: deadlines and full duplex.
func (w *h2Response) Unwrap() http.ResponseWriter {
	w.touched = true
	return w.ResponseWriter
}
