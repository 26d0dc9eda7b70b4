package servers

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/godrain/drain/conns"
)

// handler stands before the user's: it marks where work begins and ends.
type handler struct {
	server *HTTPServer
	next   http.Handler
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	next := h.next
	if next == nil {
		next = http.DefaultServeMux
	}
	// It is made before the connection is looked up: what is written to new memory has
	// arrived there when Begin's atomic operations would have to wait for it.
	rw := &response{
		ResponseWriter: w, request: r, length: uint32(r.ContentLength),
		unit: conns.Unit{Method: r.Method, Path: r.URL.Path},
	}
	c := conns.FromContext(r.Context())
	if c == nil {
		next.ServeHTTP(w, r)
		return
	}
	setContext(r, rw.unit.NetHTTPContext(c, r.Context()))
	c.Begin(&rw.unit)
	completed, body := false, r.Body
	defer func() {
		defer func() { c.Return(completed) }()
		if r.Body != body { // net/http looks there whether the peer is still sending: see announce
			r.Body = body
		}
		if n, known := rw.contentLength(); known {
			c.Answered(n)
		}
		if !completed && rw.stream.interrupted() {
			completed = abandoned(recover())
		}
	}()
	next.ServeHTTP(rw, r)
	completed = true
	if rw.unit.Cut() && !rw.said {
		giveUp(rw, r, rw.announced, c.AnswerSent())
	}
	rw.announce(http.StatusOK) // nothing was written: net/http writes the header now
}

// response is the http.ResponseWriter that handlers see. It says "Connection:
// close" when the header is written during a drain, and gives a hijacked
// connection on. Everything else is net/http's.
type response struct {
	http.ResponseWriter
	request   *http.Request
	unit      conns.Unit
	stream    *eventStream // if it is one
	length    uint32       // of the request's body, as far as it fits: a handler may change what the request says
	announced bool
	touched   bool // somebody has asked for the header
	switched  bool // 101 Switching Protocols was the answer
	said      bool // it is whole, or not ours, or was written to although its request was cancelled
}

// announce tells the client not to use the connection again, if it is certain
// that it has not done so already.
func (w *response) announce(status int) {
	if w.unit.Conn().Doomed() {
		w.said = true
	}
	if w.announced || (status < 200 && status != http.StatusSwitchingProtocols) {
		return
	}
	w.announced = true
	w.switched = status == http.StatusSwitchingProtocols
	w.said = w.said || bodiless(status)
	if w.touched { // asking for it costs a copy of the header, later
		w.stream = newEventStream(w.Header(), w.request)
	}
	// A stream of events rarely ends but by the client or by a drain: that it ends
	// the connection is said now, or nobody could say it when the drain comes.
	// MaxBytesReader has net/http say it, and wait before it closes, by a method that no
	// other package can have: what is left is the status that such a body is answered
	// with, most often, and to give net/http its own body back.
	if !(w.unit.Conn().Group().IsDraining() || w.stream != nil || status == http.StatusRequestEntityTooLarge) ||
		status == http.StatusSwitchingProtocols {
		return
	}
	n, known := w.contentLength()
	if h := w.Header(); known && keepsAlive(h["Connection"]) && w.unit.Conn().MayAnnounceClose(n) {
		h.Set("Connection", "close")
	}
}

// contentLength is that of the request, as it came; not known if a handler has changed
// it.
func (w *response) contentLength() (n int64, known bool) {
	n = w.request.ContentLength
	return n, uint32(n) == w.length
}

// keepsAlive reports whether the header's field says nothing, or nothing else than
// that.
func keepsAlive(connection []string) bool {
	return len(connection) == 0 || (len(connection) == 1 && strings.EqualFold(connection[0], "keep-alive"))
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header {
	w.touched = true
	return w.ResponseWriter.Header()
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	w.announce(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	w.announce(http.StatusOK)
	if w.stream != nil {
		return w.stream.write(p, w.ResponseWriter.Write)
	}
	return w.ResponseWriter.Write(p)
}

// WriteString implements io.StringWriter.
func (w *response) WriteString(s string) (int, error) {
	w.announce(http.StatusOK)
	if w.stream != nil {
		return w.stream.write([]byte(s), w.ResponseWriter.Write)
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom implements io.ReaderFrom: files go to the socket by sendfile.
func (w *response) ReadFrom(r io.Reader) (int64, error) {
	w.announce(http.StatusOK)
	if rf, ok := w.ResponseWriter.(io.ReaderFrom); ok && w.stream == nil {
		return rf.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{w}, r)
}

// Flush implements http.Flusher.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *response) FlushError() error {
	w.announce(http.StatusOK)
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.stream.flushed()
	return err
}

// CloseNotify implements http.CloseNotifier for handlers that still ask for it.
func (w *response) CloseNotify() <-chan bool { return closeNotify(w.request.Context()) }

// Hijack implements http.Hijacker. The connection stays in the tree.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	_, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.said = true
	nc, rw := w.unit.Conn().Hijack(&w.unit, w.upgrade(), rw)
	return nc, rw, nil
}

// upgrade is what Hijack makes of the connection.
func (w *response) upgrade() conns.Upgrade {
	switch {
	case !asksForWebSocket(w.request):
		return conns.Tunnel
	case w.switched:
		return conns.WebSocketGranted
	}
	return conns.WebSocketAsked
}

// Unwrap is for http.ResponseController: deadlines and full duplex.
func (w *response) Unwrap() http.ResponseWriter {
	w.touched = true
	return w.ResponseWriter
}
