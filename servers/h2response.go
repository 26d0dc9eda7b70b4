package servers

import (
	"io"
	"net/http"

	"github.com/godrain/drain/conns"
)

// h2Response is the http.ResponseWriter of HTTP/2 requests: the server's own, but
// that streams of events are followed.
type h2Response struct {
	http.ResponseWriter
	request   *http.Request
	conn      *conns.Conn
	stream    *eventStream
	announced bool
	touched   bool // somebody has asked for the header
	said      bool // see response
	flushed   bool
	size      int // of what has been written
}

// h2Buffer is how much of an answer golang.org/x/net/http2 keeps until it is flushed.
const h2Buffer = 4 << 10

// sent reports whether a part of the answer is with the client already.
func (w *h2Response) sent() bool { return w.flushed || w.size > h2Buffer }

func (w *h2Response) announce(status int) {
	if w.conn.Doomed() {
		w.said = true
	}
	if !w.announced && status >= 200 {
		w.announced = true
		w.said = w.said || bodiless(status)
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
	w.size += len(p)
	if w.stream != nil {
		return w.stream.write(p, w.ResponseWriter.Write)
	}
	return w.ResponseWriter.Write(p)
}

// WriteString implements io.StringWriter.
func (w *h2Response) WriteString(s string) (int, error) {
	w.announce(http.StatusOK)
	w.size += len(s)
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
	w.flushed = true
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.stream.flushed()
	return err
}

// CloseNotify implements http.CloseNotifier for handlers that still ask for it.
func (w *h2Response) CloseNotify() <-chan bool { return closeNotify(w.request.Context()) }

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
