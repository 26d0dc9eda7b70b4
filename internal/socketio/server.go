package socketio

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// Server serves Socket.IO sessions over long-polling and WebSocket. Mount it on
// /socket.io/, where clients look for it.
type Server struct {
	opts    Options
	newUser func(*session) user

	namespaces sync.Map // name to *Namespace
	sessions   sync.Map // id to *session
	farewells  sync.Map // ids of sessions that the last shutdown closed
	refusing   atomic.Bool
}

// New returns a server with the main namespace and no handlers. It holds
// nothing that would have to be closed until the first client comes.
func New(opts Options) *Server {
	srv := &Server{opts: opts.withDefaults()}
	srv.newUser = func(s *session) user { return newClient(s) }
	srv.Of(mainNamespace)
	return srv
}

// Of returns the namespace of that name and creates it if need be. Clients
// that ask for a namespace that Of has not created are turned away.
func (srv *Server) Of(name string) *Namespace {
	if name == "" || name[0] != '/' {
		name = "/" + name
	}
	ns, _ := srv.namespaces.LoadOrStore(name, &Namespace{name: name})
	return ns.(*Namespace)
}

// Sessions returns the number of sessions that are not over: those with a
// client, and those whose last handlers are still running.
func (srv *Server) Sessions() int {
	n := 0
	srv.sessions.Range(func(_, _ any) bool { n++; return true })
	return n
}

// ServeHTTP serves handshakes, polls, posts and WebSocket upgrades.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !srv.opts.cors(w, r) {
		errForbidden.write(w)
		return
	}
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}
	q := r.URL.Query()
	transport, sid := q.Get("transport"), q.Get("sid")
	switch {
	case transport != "polling" && transport != "websocket":
		errUnknownTransport.write(w)
	case q.Get("EIO") != "4":
		errVersion.write(w)
	case transport == "websocket" && !websocket.IsWebSocketUpgrade(r):
		errBadRequest.write(w)
	case sid == "":
		srv.handshake(w, r, transport)
	default:
		srv.resume(w, r, transport, sid)
	}
}

// handshake opens a session. The session is in the map before Refuse is looked
// at, so CloseSessions sees every session that a client has ever heard of.
func (srv *Server) handshake(w http.ResponseWriter, r *http.Request, transport string) {
	if r.Method != http.MethodGet {
		errHandshakeMethod.write(w)
		return
	}
	var ws *link
	if transport == "websocket" {
		ws = newLink(&srv.opts)
	}
	s := newSession(srv, ws)
	s.user.greet(r)
	srv.sessions.Store(s.id, s)
	go s.run()
	switch {
	case srv.refusing.Load():
		s.tell(endAsked{Killed})
		errShuttingDown.write(w)
	case ws != nil:
		s.serveLink(w, r, ws)
	default:
		s.servePoll(w, r)
	}
}

// resume serves a request of a session that exists.
func (srv *Server) resume(w http.ResponseWriter, r *http.Request, transport, sid string) {
	v, known := srv.sessions.Load(sid)
	if !known {
		srv.unknownSession(w, r, sid)
		return
	}
	s := v.(*session)
	switch {
	case transport == "websocket":
		s.serveUpgrade(w, r)
	case r.Method == http.MethodGet:
		s.servePoll(w, r)
	case r.Method == http.MethodPost:
		s.servePost(w, r)
	default:
		errBadRequest.write(w)
	}
}

// unknownSession answers a request of a session that is over. If a shutdown has
// closed it, the client gets the goodbye that it may have missed, not an error.
func (srv *Server) unknownSession(w http.ResponseWriter, r *http.Request, sid string) {
	_, closed := srv.farewells.Load(sid)
	switch {
	case closed && r.Method == http.MethodPost:
		writeText(w, []byte("ok"))
	case closed && !websocket.IsWebSocketUpgrade(r):
		writeText(w, encodePayload([]packet{{typ: typeClose}}))
	default:
		errUnknownSession.write(w)
	}
}

// forget is called when a session is over.
func (srv *Server) forget(s *session) {
	if s.reason == ShuttingDown {
		srv.farewells.Store(s.id, struct{}{})
	}
	srv.sessions.Delete(s.id)
}

// Refuse turns new sessions away from now on, with HTTP 503. Sessions that
// exist go on.
func (srv *Server) Refuse() {
	if srv.refusing.CompareAndSwap(false, true) {
		srv.farewells.Clear() // of a shutdown before this one
	}
}

// Admit takes new sessions in again: it undoes Refuse, for a server that is started
// again after a shutdown.
func (srv *Server) Admit() { srv.refusing.Store(false) }

// CloseSessions refuses new sessions and closes those that exist. Call it while
// the listener is still open, else polling clients cannot be told. Handlers of
// events already received finish and their acks are delivered; later events are
// dropped without an ack. (An ack that is called after its handler has returned
// is not waited for.) It returns nil when all sessions are over; if ctx ends
// first, the rest is cut off and counted in the error, and handlers that still
// run are left to themselves.
func (srv *Server) CloseSessions(ctx context.Context) error {
	srv.Refuse()
	var open []*session
	srv.sessions.Range(func(_, v any) bool {
		s := v.(*session)
		if s.tell(drainAsked{}) {
			open = append(open, s)
		}
		return true
	})
	for i, s := range open {
		select {
		case <-s.done:
		case <-ctx.Done():
			return kill(ctx, open[i:])
		}
	}
	return nil
}

func kill(ctx context.Context, open []*session) error {
	killed := 0
	for _, s := range open {
		if s.tell(endAsked{Killed}) {
			killed++
			<-s.gone
		}
	}
	if killed == 0 {
		return nil
	}
	return fmt.Errorf("socketio: %d sessions killed: %w", killed, context.Cause(ctx))
}
