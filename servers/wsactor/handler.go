package wsactor

import (
	"net/http"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/conns"
)

// Handler is an http.Handler whose WebSockets are sessions.
type Handler struct {
	options Options
	system  *actor.ActorSystem
	crew    *crew

	// One Props for all sessions: each its own would cost 400 bytes.
	props    *actor.Props
	spawning chan struct{} // a token: one spawn at a time
	next     *Session      // what props produce; of the token's holder
}

// New makes a Handler whose sessions live in system.
func New(system *actor.ActorSystem, o Options) *Handler {
	if (o.Actor == nil) == (o.Func == nil) {
		panic("wsactor: Options need Actor or Func, and not both")
	}
	h := &Handler{options: o.withDefaults(), system: system, crew: newCrew(), spawning: make(chan struct{}, 1)}
	h.props = actor.PropsFromProducer(func() actor.Actor { return h.next },
		actor.WithDispatcher(actor.NewSynchronizedDispatcher(300)),
		actor.WithSupervisor(actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })))
	return h
}

func (h *Handler) spawn(s *Session) *actor.PID {
	h.spawning <- struct{}{}
	defer func() { <-h.spawning }()
	h.next = s
	return h.system.Root.Spawn(h.props)
}

// The buffers that are borrowed for the time of a message.
var writeBuffers = &sync.Pool{}

// ServeHTTP does the handshake and returns: what goes on is the session's.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, p, err := upgrade(&h.options.Upgrader, w, r)
	if err != nil {
		return // it has been answered
	}
	conn.SetReadLimit(h.options.MaxMessage)
	s := &Session{handler: h, conn: conn, patient: p, drain: conns.WebSocketOf(conn), gone: make(chan struct{})}
	s.heard.Store(now())
	conn.SetPongHandler(s.pong)
	s.pid = h.spawn(s)
	s.tell(opening{})
	if h.options.Actor != nil {
		s.drain.OnLeave(func() { s.tell(leaving{}) })
	}
	go s.open()
}
