package conns

import (
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
	s.interrupt.ended()
	if !completed && h.group.IsDraining() {
		h.panicked.Store(true)
	}
	if s.named != nil {
		s.named.Store(nil)
	}
	h.group.exit()
}

func (h *H2) describe(d *messages.Connection) {
	d.Protocol, d.Requests = "HTTP/2.0", h.begun.Load()
	if h.delegated {
		d.Protocol = "gRPC"
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
	var oldest *Stream
	for i := range h.named {
		if s := h.named[i].Load(); s != nil && (oldest == nil || s.order < oldest.order) {
			oldest = s
		}
	}
	if oldest != nil {
		d.Request = oldest.line()
	}
}
