package servers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Sessions are what a Socket.IO server has beside its connections: a client that
// polls has a session, and between two polls no connection that would tell. A
// library's server implements it, or CloseFunc adapts its one Close. To be started again
// after a drain it has to be an Admitter too.
type Sessions interface {
	// Refuse turns new sessions away from now on. Those that exist go on. It does
	// not block.
	Refuse()
	// CloseSessions closes every session, so that its client learns of it: a close
	// packet in answer to its poll, a close frame on WebSocket; no Socket.IO
	// DISCONNECT, which would make clients stay away. The listener is open
	// meanwhile. It returns when all sessions are over, or when ctx ends.
	CloseSessions(ctx context.Context) error
}

// Admitter is a Sessions that can be served again after a drain. Without a way back
// from Refuse, every handshake of a second start would be refused: such a one needs a new
// server, of the library's and of ours, for each start.
type Admitter interface {
	// Admit takes new sessions in again, after Refuse. It is called at each start,
	// before anything is served. It does not block.
	Admit()
}

// CloseFunc is Sessions for a library with a single Close. New sessions are
// refused in the library's stead: a handshake (a request without a session id) is
// answered 503 before the library sees it.
type CloseFunc func(ctx context.Context) error

// Refuse implements Sessions; the SocketIOServer refuses.
func (CloseFunc) Refuse() {}

// CloseSessions implements Sessions.
func (f CloseFunc) CloseSessions(ctx context.Context) error { return f(ctx) }

// SocketIOOptions are what an *http.Server and its Sessions do not say.
type SocketIOOptions struct {
	HTTPOptions
	// Path of the Socket.IO handler. Default "/socket.io/". It is needed with a
	// CloseFunc only.
	Path string
}

// SocketIOServer is a managed *http.Server with Socket.IO sessions; see SocketIO.
type SocketIOServer struct {
	*HTTPServer
	sessions Sessions
	path     string
	refusing atomic.Bool
}

// SocketIO manages srv as HTTP does, and the Socket.IO sessions that it serves. In
// a drain new sessions are refused and those that exist are closed while the
// listener is still open; then the connections drain as any other. Closed the
// other way round, clients that poll would see a transport error.
func SocketIO(srv *http.Server, sessions Sessions, options ...SocketIOOptions) *SocketIOServer {
	var o SocketIOOptions
	if len(options) > 0 {
		o = options[0]
	}
	if o.Path == "" {
		o.Path = "/socket.io/"
	}
	s := &SocketIOServer{HTTPServer: HTTP(srv, o.HTTPOptions), sessions: sessions, path: strings.TrimSuffix(o.Path, "/")}
	if _, ok := sessions.(CloseFunc); ok {
		s.wrap = s.gate
	}
	return s
}

// Bind implements actors.Binder.
func (s *SocketIOServer) Bind(ctx context.Context) (string, error) {
	if s.sessions == nil {
		return "", errors.New("there are no Sessions: HTTP serves what has none")
	}
	addr, err := s.HTTPServer.Bind(ctx)
	if a, ok := s.sessions.(Admitter); ok && err == nil {
		a.Admit()
	}
	return addr, err
}

// gate refuses handshakes once the sessions are being closed.
func (s *SocketIOServer) gate(next http.Handler) http.Handler {
	if next == nil {
		next = http.DefaultServeMux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.refusing.Load() && strings.HasPrefix(r.URL.Path, s.path) && r.URL.Query().Get("sid") == "" {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "the server is shutting down", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sessionShare is the part of the time to the deadline that the sessions may take:
// the connections need the rest.
const sessionShare = 0.75

// CloseSessions implements actors.SessionCloser.
func (s *SocketIOServer) CloseSessions(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		share := time.Duration(float64(time.Until(deadline)) * sessionShare)
		ctx, cancel = context.WithTimeout(ctx, share)
		defer cancel()
	}
	s.refusing.Store(true)
	s.sessions.Refuse()
	if err := s.sessions.CloseSessions(ctx); err != nil {
		return fmt.Errorf("the Socket.IO sessions were not closed in order: %s", err) // whatever it wraps
	}
	return nil
}

// Release implements actors.Releaser.
func (s *SocketIOServer) Release() {
	s.refusing.Store(false)
	s.HTTPServer.Release()
}
