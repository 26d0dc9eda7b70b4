package socketio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"
)

// phase is how far a session has come:
//
//	serving ──drainAsked──► draining ──handlers done──► leaving ──peer knows──► ended
//	   └──────────────── transport lost, timeout, kill, any time ────────────────►┘
type phase int

const (
	// serving: all is well.
	serving phase = iota
	// draining: handlers of what has been received finish; new events are dropped.
	draining
	// leaving: the goodbye is queued; it is waited for that the peer hears it.
	leaving
	// ended: there is no transport any more; the handlers that are left finish.
	ended
)

// user is the protocol above a session. Its methods are called by the session's
// owner goroutine and must not block.
type user interface {
	// greet is called before all else, with the handshake request.
	greet(*http.Request)
	// message takes one Engine.IO message; an error ends the session.
	message(packet) error
	// ended is called once, when the transport is gone.
	ended(Reason)
}

// session is one Engine.IO session. All fields below inbox belong to the
// goroutine in run; it ends when the transport is gone and no handler runs.
type session struct {
	id   string
	opts *Options
	srv  *Server
	ctx  context.Context // ends with the transport
	done chan struct{}   // closed when run returns
	gone chan struct{}   // closed when the transport is gone

	inbox chan any

	cancel context.CancelFunc
	user   user
	phase  phase
	reason Reason
	out    []packet

	// Transport: either ws, or polling.
	ws      *link
	probe   *link
	probed  bool // the probe was answered: the client may stop polling
	pending *poll
	posting bool

	// Handlers.
	queue   []job
	running bool
	held    []chan<- bool // senders waiting for the backlog to shrink

	// Timers.
	heartbeat *time.Timer // next ping, or the pong's deadline
	awaiting  bool        // a pong
	limit     *time.Timer // of joining a namespace, later of leaving
	upgrading *time.Timer
}

// What is sent to a session, beside poll, received and link's events.
type (
	// act runs in the owner goroutine.
	act func()
	// handled: the running handler has returned, or panicked.
	handled struct{ panicked bool }
	// drainAsked comes from CloseSessions.
	drainAsked struct{}
	// endAsked ends the session at once.
	endAsked struct{ reason Reason }
)

func newSession(srv *Server, ws *link) *session {
	s := &session{
		id: rand.Text(), srv: srv, opts: &srv.opts,
		done: make(chan struct{}), gone: make(chan struct{}), inbox: make(chan any),
		ws:        ws,
		heartbeat: time.NewTimer(srv.opts.PingInterval),
		limit:     time.NewTimer(srv.opts.ConnectTimeout),
		upgrading: time.NewTimer(srv.opts.UpgradeTimeout),
	}
	s.upgrading.Stop()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.out = []packet{s.openPacket()}
	s.user = srv.newUser(s)
	return s
}

func (s *session) openPacket() packet {
	upgrades := []string{"websocket"}
	if s.ws != nil {
		upgrades = []string{}
	}
	data, _ := json.Marshal(map[string]any{ // strings and numbers: cannot fail
		"sid": s.id, "upgrades": upgrades, "maxPayload": s.opts.MaxPayload,
		"pingInterval": s.opts.PingInterval.Milliseconds(),
		"pingTimeout":  s.opts.PingTimeout.Milliseconds(),
	})
	return packet{typ: typeOpen, data: data}
}

// tell hands m to the owner; false means that the session is over.
func (s *session) tell(m any) bool {
	select {
	case s.inbox <- m:
		return true
	case <-s.done:
		return false
	}
}

// run is the owner: the only goroutine that touches the session's state.
func (s *session) run() {
	defer close(s.done)
	defer s.srv.forget(s)
	for !s.settle() {
		select {
		case m := <-s.inbox:
			s.receive(m)
		case s.writable() <- s.out:
			s.out = nil
		case <-s.heartbeat.C:
			s.beat()
		case <-s.limit.C:
			s.expire()
		case <-s.upgrading.C:
			s.dropProbe()
		}
	}
}

func (s *session) receive(m any) {
	switch m := m.(type) {
	case act:
		m()
	case handled:
		s.handled(m)
	case *poll:
		s.polled(m)
	case pollLost:
		s.pollLost(m)
	case pollTaken:
		s.pollTaken()
	case postBegun:
		s.postBegun(m)
	case received:
		s.received(m)
	case claim:
		s.claimed(m)
	case attached:
		s.attached(m)
	case linkLost:
		s.linkLost(m)
	case drainAsked:
		s.drain()
	case endAsked:
		s.end(m.reason)
	}
}

// settle does what follows from what was received, and says whether the session
// is over.
func (s *session) settle() bool {
	s.next()
	if s.phase == draining && !s.running {
		s.leave()
	}
	if len(s.out) > s.opts.SendQueue {
		s.end(QueueFull)
	}
	s.answer()
	return s.phase == ended && !s.running
}

// send queues a packet for whatever transport there is.
func (s *session) send(packets ...packet) {
	if s.phase < leaving {
		s.out = append(s.out, packets...)
	}
}

// joined lifts the limit on sessions that use no namespace.
func (s *session) joined() {
	if s.phase == serving {
		s.limit.Stop()
	}
}
