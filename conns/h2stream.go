package conns

import (
	"context"
	"sync/atomic"

	"github.com/godrain/drain/messages"
)

// Stream is one request on an HTTP/2 connection, while its handler runs.
type Stream struct {
	Unit
	order int64 // of the connection's requests
	named *atomic.Pointer[Stream]
}

// h2Named is how many of the requests in progress on a connection are known by
// name: a description names the oldest of them.
const h2Named = 8

// H2 returns the connection as one that speaks HTTP/2; nil if it does not.
func (c *Conn) H2() *H2 { return c.h2.Load() }

// Forsaken reports whether the client has cancelled the request, or is gone: nobody
// waits for its answer.
func (s *Stream) Forsaken() bool {
	i := &s.interrupt
	return i.conn != nil && (i.conn.has(broken) || (i.parent.Err() != nil && context.Cause(i.parent) != ErrKilled))
}

// Start marks that the handler of a request starts.
func (h *H2) Start(s *Stream) {
	s.order = h.begun.Add(1)
	for i := range h.named {
		if h.named[i].CompareAndSwap(nil, s) {
			s.named = &h.named[i]
			break
		}
	}
	h.group.enter()
	h.group.Requests.Add(1)
}

// Done marks that the handler has returned, or, if it has not completed, that it
// has panicked.
func (h *H2) Done(s *Stream, completed bool) {
	switch {
	case s.interrupt.ended():
		h.lose(s)
	case !completed && h.group.IsDraining():
		h.panicked.Store(true)
		h.lose(s)
	}
	if s.named != nil {
		s.named.Store(nil)
	}
	h.group.exit()
}

// lose notes that a request was begun and will not be answered in full.
func (h *H2) lose(s *Stream) {
	h.gone.Add(1)
	h.victim.CompareAndSwap(nil, s)
}

// cuts notes how many requests are lost if the connection ends now, and reports whether
// any is; open says whether those are whose streams are open.
func (h *H2) cuts(open bool) bool {
	n := h.gone.Load()
	if open {
		n += h.open.Load()
	}
	if s := h.oldest(); n > 0 && s != nil {
		h.victim.CompareAndSwap(nil, s)
	}
	for {
		before := h.losses.Load()
		if n <= before || h.losses.CompareAndSwap(before, n) {
			return n > 0
		}
	}
}

func (h *H2) describe(d *messages.Connection) {
	d.Protocol, d.Requests = "HTTP/2.0", h.begun.Load()
	if h.delegated {
		d.Protocol = "gRPC"
	}
	if s := h.victim.Load(); s != nil {
		d.Request = s.line()
	}
	if d.State != messages.StateBusy {
		return // it has left
	}
	if h.open.Load() == 0 {
		d.State = messages.StateIdle
		if h.newest.Load() == 0 {
			d.State = messages.StateNew
		}
	}
	if s := h.oldest(); s != nil {
		d.Request = s.line()
	}
}

// oldest is the oldest request in progress that is known by name; nil if none is.
func (h *H2) oldest() (oldest *Stream) {
	for i := range h.named {
		if s := h.named[i].Load(); s != nil && (oldest == nil || s.order < oldest.order) {
			oldest = s
		}
	}
	return oldest
}
