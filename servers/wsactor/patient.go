package wsactor

import (
	"bufio"
	"encoding/binary"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// patient is the connection under gorilla's. An idle session does not wait in
// gorilla, whose frames need a stack of 4 KiB, but in a goroutine of 2: see wait.
// What that has read comes first here. And it counts: whether gorilla holds another
// message in its buffer, nobody else could say.
type patient struct {
	net.Conn
	first  [readBuffer]byte
	early  []byte    // of first: what gorilla has not been given yet
	frames frames    // of what it has been given
	until  time.Time // the write deadline; of whom gorilla lets write
}

// Read implements net.Conn.
func (c *patient) Read(p []byte) (n int, err error) {
	if len(c.early) > 0 {
		n = copy(p, c.early)
		c.early = c.early[n:]
	} else {
		n, err = c.Conn.Read(p)
	}
	c.frames.follow(p[:max(n, 0)])
	return n, err
}

// SetWriteDeadline implements net.Conn. Gorilla sets the same one before each frame.
func (c *patient) SetWriteDeadline(t time.Time) error {
	if t == c.until {
		return nil
	}
	c.until = t
	return c.Conn.SetWriteDeadline(t)
}

// NetConn is for conns.WebSocketOf.
func (c *patient) NetConn() net.Conn { return c.Conn }

// frames follows what a client sends (RFC 6455, section 5.2), as conns does: but that
// is on its way through a connection that only a managed server has, and need not know
// whether a control frame came last. What would be shared is the reading of a header.
type frames struct {
	header   [14]byte
	have     int
	left     uint64 // payload of the frame in progress
	open     bool   // a message is in progress
	messages int    // that are complete
	control  bool   // a control frame came behind the last of them
}

// between reports whether nothing is in progress.
func (f *frames) between() bool { return f.have == 0 && !f.open }

func (f *frames) follow(p []byte) {
	for len(p) > 0 {
		if f.have >= 2 && f.have == f.size() {
			n := min(f.left, uint64(len(p)))
			f.left -= n
			p = p[n:]
		} else {
			f.header[f.have] = p[0]
			f.have++
			p = p[1:]
			if f.have < 2 || f.have < f.size() {
				continue
			}
			f.left = f.length()
		}
		if f.left == 0 {
			f.end()
		}
	}
}

// size is that of the header, whose first two bytes are here.
func (f *frames) size() int {
	n := 2
	switch f.header[1] & 0x7f {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	if f.header[1]&0x80 != 0 {
		n += 4
	}
	return n
}

func (f *frames) length() uint64 {
	switch n := f.header[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(f.header[2:]))
	case 127:
		return binary.BigEndian.Uint64(f.header[2:])
	default:
		return uint64(n)
	}
}

func (f *frames) end() {
	f.have = 0
	if control := f.header[0]&0x08 != 0; control {
		f.control = true
		return
	}
	f.open = f.header[0]&0x80 == 0
	if !f.open {
		f.messages++
		f.control = false
	}
}

// upgrade does the handshake on a patient connection.
func upgrade(u *websocket.Upgrader, w http.ResponseWriter, r *http.Request) (*websocket.Conn, *patient, error) {
	p := &patient{}
	conn, err := u.Upgrade(&interposed{w, p}, r, nil)
	return conn, p, err
}

// interposed gives gorilla the patient connection for the hijacked one.
type interposed struct {
	http.ResponseWriter
	patient *patient
}

// Hijack implements http.Hijacker.
func (w *interposed) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.patient.Conn = nc
	return w.patient, rw, err
}
