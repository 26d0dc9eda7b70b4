package conns

import (
	"encoding/binary"
	"net"
	"sync/atomic"
)

// Records lies between a TLS layer and its socket and hands up no more than one
// TLS record at a time (RFC 8446, section 5.1). crypto/tls reads whatever the
// socket gives and keeps what it does not need yet where nobody can see it: a
// pipelined request could hide there while its connection is being closed. What
// lies behind the record in progress waits here instead, and is counted.
type Records struct {
	net.Conn
	left   []byte       // read from the socket, not handed up yet
	held   atomic.Int32 // how much that is
	header [5]byte      // of the record in progress
	have   uint8        // bytes of it
	full   atomic.Bool  // the layer above may hold more of a record than has been read of it
	body   uint16       // bytes of the record that are still to come

	shaking *Conn // whose handshake is in progress; of the goroutine that reads
}

// NewRecords follows the records that arrive on a socket.
func NewRecords(sock net.Conn) *Records { return &Records{Conn: sock} }

// Read reads at most to the end of a record.
func (r *Records) Read(p []byte) (int, error) {
	if len(r.left) > 0 {
		return r.next(p), nil
	}
	if r.shaking != nil {
		return r.shake(p)
	}
	n, err := r.Conn.Read(p)
	if n <= 0 {
		return n, err
	}
	return r.first(p[:n]), err
}

// shake is Read during the handshake. The TLS layer makes an end of the first error, so
// that a deadline of ours is looked into here.
func (r *Records) shake(p []byte) (int, error) {
	if r.have == 0 && r.body == 0 {
		r.shaking.awaitsRecord()
	}
	n, err := r.Conn.Read(p)
	for n <= 0 && r.shaking.waitsOn(err) {
		n, err = r.Conn.Read(p)
	}
	if n <= 0 {
		return n, err
	}
	r.shaking.shook()
	return r.first(p[:n]), err
}

// next hands up what has been read before.
func (r *Records) next(p []byte) int {
	n := r.record(r.left[:min(len(p), len(r.left))])
	copy(p, r.left[:n])
	r.keep(r.left[n:])
	return n
}

// first is how much of p, which has been read, may be handed up. It keeps the rest.
func (r *Records) first(p []byte) int {
	n := r.record(p)
	if n < len(p) {
		r.keep(append([]byte(nil), p[n:]...))
	}
	return n
}

func (r *Records) keep(left []byte) {
	if len(left) == 0 {
		left = nil
	}
	r.left = left
	r.held.Store(int32(len(left)))
}

// record is how many bytes of p belong to the record in progress.
func (r *Records) record(p []byte) int {
	n := 0
	if r.body == 0 {
		n = copy(r.header[r.have:], p)
		r.have += uint8(n)
		if int(r.have) < len(r.header) {
			return n
		}
		r.have = 0
		r.body = binary.BigEndian.Uint16(r.header[3:])
	}
	take := min(int(r.body), len(p)-n)
	r.body -= uint16(take)
	return n + take
}

// filled is told whether a Read of the layer above got all that it asked for.
func (r *Records) filled(full bool) {
	if r.full.Load() != full {
		r.full.Store(full)
	}
}

// maxPlaintext is what a record carries at most (RFC 8446, section 5.1).
const maxPlaintext = 1 << 14

// unread is at most how many bytes have been received that no Read has returned; over
// TLS they may be fewer.
func (c *Conn) unread() int64 {
	n := arrived(c.sock())
	if c.below != nil {
		n += int64(c.below.held.Load())
		if c.below.full.Load() {
			n += maxPlaintext
		}
	}
	return n
}

// pending reports whether something has been received that no Read has returned.
func (c *Conn) pending() bool {
	return (c.below != nil && c.below.held.Load() > 0) || peek(c.sock())
}
