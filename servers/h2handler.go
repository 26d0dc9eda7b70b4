package servers

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"

	"github.com/godrain/drain/conns"
)

// h2Handler stands before the user's for the requests of one HTTP/2 connection.
// Their ResponseWriter is the HTTP/2 server's own: how an HTTP/2 connection leaves
// is no matter of headers.
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
	s := &conns.Stream{Unit: conns.Unit{Protocol: r.Proto, Method: r.Method, Path: r.URL.Path}}
	h.conn.Start(s)
	completed := false
	defer func() { h.conn.Done(s, completed) }()
	h.serveOutside(w, r)
	completed = true
}

// serveOutside gives the request a context of its own, which a drain may cancel,
// with the user's own server in it.
func (h *h2Handler) serveOutside(w http.ResponseWriter, r *http.Request) {
	ctx, interrupt := h.conn.WithInterrupt(r.Context())
	defer interrupt.Ended()
	if h.inside {
		ctx = context.WithValue(ctx, http.ServerContextKey, h.server.user)
	}
	outer := r.WithContext(ctx)
	defer func() { r.MultipartForm = outer.MultipartForm }() // the HTTP/2 server removes its files
	h.server.userHandler(r).ServeHTTP(&h2Response{ResponseWriter: w, request: outer}, outer)
}

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
