package socketio

import (
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// link is one WebSocket connection of a session. The request's goroutine
// reads; a second one writes and, when the owner says quit, closes.
type link struct {
	conn   *websocket.Conn // nil until the owner has heard attached
	frames chan []packet
	bye    chan int // the close code to say; 0 for none
	wait   time.Duration
}

type (
	// claim asks for the session's one place for an upgrade.
	claim struct {
		link  *link
		reply chan<- bool
	}
	// attached: the link's WebSocket handshake is done.
	attached struct {
		link *link
		conn *websocket.Conn
	}
	// linkLost: the link cannot be read or written any more.
	linkLost struct {
		link *link
		err  error
	}
)

// upgrader checks no origin: the server has, before it looked at the session.
var upgrader = websocket.Upgrader{
	HandshakeTimeout: 5 * time.Second,
	CheckOrigin:      func(*http.Request) bool { return true },
}

func newLink(o *Options) *link {
	// One place in frames: the answer to a probe must not wait for the writer.
	return &link{frames: make(chan []packet, 1), bye: make(chan int, 1), wait: o.WriteTimeout}
}

// serveLink makes the WebSocket handshake and reads until the connection ends.
func (s *session) serveLink(w http.ResponseWriter, r *http.Request, l *link) {
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil { // it has answered the request
		s.tell(linkLost{l, err})
		return
	}
	conn.SetReadLimit(s.opts.MaxPayload)
	if !s.tell(attached{l, conn}) {
		_ = conn.Close()
		return
	}
	s.read(l, conn)
}

// serveUpgrade is a WebSocket handshake for a session that polls.
func (s *session) serveUpgrade(w http.ResponseWriter, r *http.Request) {
	l, granted := newLink(s.opts), make(chan bool, 1)
	if !s.tell(claim{l, granted}) {
		s.srv.unknownSession(w, r, s.id)
		return
	}
	if !<-granted {
		l.quit(websocket.ClosePolicyViolation) // after the handshake, as the protocol wants it
	}
	s.serveLink(w, r, l)
}

func (s *session) read(l *link, conn *websocket.Conn) {
	accepted := make(chan bool, 1)
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			s.tell(linkLost{l, err})
			return
		}
		m := received{from: l, reply: accepted}
		p, err := decodePacket(data, kind == websocket.BinaryMessage)
		if err != nil {
			m.bad = ParseError
		}
		m.packets = []packet{p}
		if !s.tell(m) {
			return
		}
		<-accepted
	}
}

// write is the second goroutine of a link.
func (l *link) write(s *session) {
	defer func() { _ = l.conn.Close() }()
	for {
		select {
		case packets := <-l.frames:
			if err := l.writeAll(packets); err != nil {
				s.tell(linkLost{l, err})
				return
			}
		case code := <-l.bye:
			if code != 0 {
				_ = l.sayClose(code)
			}
			return
		}
	}
}

func (l *link) writeAll(packets []packet) error {
	for _, p := range packets {
		if err := l.writeOne(p); err != nil {
			return err
		}
	}
	return nil
}

func (l *link) writeOne(p packet) error {
	_ = l.conn.SetWriteDeadline(time.Now().Add(l.wait))
	switch {
	case p.typ == typeClose:
		return l.sayClose(websocket.CloseGoingAway)
	case p.binary:
		return l.conn.WriteMessage(websocket.BinaryMessage, p.data)
	default:
		return l.conn.WriteMessage(websocket.TextMessage, encodePacket(nil, p))
	}
}

func (l *link) sayClose(code int) error {
	frame := websocket.FormatCloseMessage(code, "")
	return l.conn.WriteControl(websocket.CloseMessage, frame, time.Now().Add(time.Second))
}

// quit tells the writer to close the connection, with this code if it is not 0.
func (l *link) quit(code int) { l.bye <- code }

// cut closes the connection under a writer that may be stuck. It never blocks:
// a close that lingers is not the owner's to wait for.
func (l *link) cut() {
	if l.conn != nil {
		go func() { _ = l.conn.Close() }()
	}
}

// lostReason tells a client that went from one that sent too much.
func lostReason(err error) Reason {
	if errors.Is(err, websocket.ErrReadLimit) {
		return TransportError
	}
	return TransportClose
}
