package socketio

import (
	"errors"
	"io"
	"net/http"
	"strconv"
)

// poll is a GET that waits for packets.
type poll struct{ reply chan answer }

// answer is what the owner gives to a poll.
type answer struct {
	body []byte
	fail *httpError
	// last asks the request's goroutine to tell when the body is written: it
	// carries the goodbye.
	last bool
}

type (
	// pollLost: the client gave the GET up.
	pollLost struct{ *poll }
	// pollTaken: the answer with the goodbye has been written.
	pollTaken struct{}
	// postBegun asks leave to read a POST's body.
	postBegun struct{ reply chan<- bool }
	// received are packets from a link, or from a POST if there is none.
	received struct {
		from    *link
		packets []packet
		bad     Reason // why there are no packets
		reply   chan<- bool
	}
)

// servePoll is a GET, the handshake's included.
func (s *session) servePoll(w http.ResponseWriter, r *http.Request) {
	p := &poll{reply: make(chan answer, 1)}
	if !s.tell(p) {
		s.srv.unknownSession(w, r, s.id)
		return
	}
	select {
	case a := <-p.reply:
		if a.fail != nil {
			a.fail.write(w)
			return
		}
		writeText(w, a.body)
		if a.last {
			s.tell(pollTaken{})
		}
	case <-r.Context().Done():
		s.tell(pollLost{p})
	}
}

// servePost is a POST.
func (s *session) servePost(w http.ResponseWriter, r *http.Request) {
	begun := make(chan bool, 1)
	if !s.tell(postBegun{begun}) {
		s.srv.unknownSession(w, r, s.id)
		return
	}
	if !<-begun {
		errBadRequest.write(w)
		return
	}
	m := received{}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.opts.MaxPayload))
	if err != nil {
		m.bad = TransportError
	} else if m.packets, err = decodePayload(body); err != nil {
		m.bad = ParseError
	}
	accepted := make(chan bool, 1)
	m.reply = accepted
	if !s.tell(m) {
		s.srv.unknownSession(w, r, s.id)
		return
	}
	var tooLarge *http.MaxBytesError
	switch ok := <-accepted; {
	case ok:
		writeText(w, []byte("ok"))
	case errors.As(err, &tooLarge):
		errTooLarge.write(w)
	default:
		errBadRequest.write(w)
	}
}

func writeText(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body)                      // a client that is gone misses its next ping
	_ = http.NewResponseController(w).Flush() // the goodbye is out when this returns
}

// polled keeps a GET until there is something to say.
func (s *session) polled(p *poll) {
	switch {
	case s.phase == ended && s.farewell():
		p.reply <- answer{body: encodePayload([]packet{{typ: typeClose}})}
	case s.phase == ended:
		p.reply <- answer{fail: errUnknownSession}
	case s.ws != nil:
		p.reply <- answer{fail: errBadRequest}
	case s.pending != nil: // two at once could swap packets
		p.reply <- answer{fail: errBadRequest}
		s.end(TransportError)
	default:
		s.pending = p
	}
}

// answer gives the pending poll what there is. A client that upgrades has to
// be let out of its poll even if there is nothing. The goodbye goes in a poll of
// its own: the real client closes before it has looked at the packets that came
// in the same body, so an ack among them could be lost.
func (s *session) answer() {
	if s.pending == nil || s.ws != nil || len(s.out) == 0 && !s.probed {
		return
	}
	if len(s.out) == 0 {
		s.out = []packet{{typ: typeNoop}}
	}
	now, later := s.out, []packet(nil)
	if s.phase == leaving && len(now) > 1 {
		now, later = now[:len(now)-1], now[len(now)-1:]
		s.setLimit(s.opts.Linger)
	}
	s.pending.reply <- answer{body: encodePayload(now), last: s.phase == leaving && later == nil}
	s.pending, s.out = nil, later
}

// endPoll answers the pending poll for the last time.
func (s *session) endPoll() {
	if s.pending == nil {
		return
	}
	last := packet{typ: typeClose}
	if s.reason == TransportClose {
		last.typ = typeNoop // the client has closed: it knows
	}
	s.pending.reply <- answer{body: encodePayload(append(s.out, last))}
	s.pending = nil
}

func (s *session) pollLost(m pollLost) {
	if s.pending == m.poll {
		s.pending = nil
		s.end(TransportError)
	}
}

func (s *session) pollTaken() {
	if s.phase == leaving {
		s.end(ShuttingDown)
	}
}

func (s *session) postBegun(m postBegun) {
	switch {
	case s.phase == ended || s.ws != nil:
		m.reply <- s.farewell()
	case s.posting: // two at once could swap packets
		m.reply <- false
		s.end(TransportError)
	default:
		s.posting = true
		m.reply <- true
	}
}
