package servers

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"

	"github.com/godrain/drain/conns"
)

// h2Handler stands before the user's for the requests of one HTTP/2 connection.
// How an HTTP/2 connection leaves is no matter of headers: their ResponseWriter
// follows streams of events, and nothing else.
type h2Handler struct {
	server *HTTPServer
	conn   *conns.H2
	tls    *tls.ConnectionState
	ctx    context.Context // if the connection was handed over
	inside bool            // requests carry the server that serves, not the user's
}

// BaseContext is what HTTP/2 servers look for.
func (h *h2Handler) BaseContext() context.Context { return h.ctx }

func (h *h2Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.TLS == nil { // a request for http:// that came over TLS
		r.TLS = h.tls
	}
	s := &h2Request{stream: conns.Stream{Unit: conns.Unit{Method: r.Method, Path: r.URL.Path}}}
	s.response.ResponseWriter, s.response.conn = w, h.conn.Conn
	h.conn.Start(&s.stream)
	completed := false
	defer func() {
		defer func() { h.conn.Done(&s.stream, completed) }()
		switch {
		case completed:
		case s.response.stream.interrupted():
			completed = abandoned(recover())
		case s.stream.Forsaken(): // a proxy panics over what nobody waits for
			if reason := recover(); reason != nil {
				completed = reason == http.ErrAbortHandler
				panic(reason)
			}
		}
	}()
	h.serveOutside(s, r)
	completed = true
	if s.stream.Cut() && !s.response.said {
		giveUp(&s.response, r, s.response.announced, s.response.sent())
	}
}

// h2Request is what is kept of a request, in one piece.
type h2Request struct {
	stream   conns.Stream
	response h2Response
}

// serveOutside gives the request a context of its own, which a drain may cancel,
// with the user's own server in it.
func (h *h2Handler) serveOutside(s *h2Request, r *http.Request) {
	ctx := s.stream.Context(h.conn.Conn, r.Context())
	if h.inside {
		ctx = context.WithValue(ctx, http.ServerContextKey, h.server.user)
	}
	setContext(r, ctx)
	s.response.request = r
	h.server.userHandler(r).ServeHTTP(&s.response, r)
}

// setContext changes the context of a request that its server has just handed out:
// nobody else looks at it, and the copy that WithContext makes, on this stack, is put
// in its place instead of beside it. It is a function of its own so that a handler
// does not run on top of that copy.
//
//go:noinline
func setContext(r *http.Request, ctx context.Context) { *r = *r.WithContext(ctx) }

// userHandler is what net/http would call with r on a server of the user's.
func (h *HTTPServer) userHandler(r *http.Request) http.Handler {
	if r.RequestURI == "*" && r.Method == http.MethodOptions && !h.template.DisableGeneralOptionsHandler {
		return http.HandlerFunc(options)
	}
	if h.template.Handler == nil {
		return http.DefaultServeMux
	}
	return h.template.Handler
}

// options answers "OPTIONS *" as net/http does.
func options(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "0")
	if r.ContentLength != 0 {
		const limit = 4 << 10
		_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, limit))
	}
}
