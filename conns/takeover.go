package conns

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/godrain/drain/messages"
)

// Takeover is a connection that its handler has taken over: the net.Conn that
// Hijack returns. Until it turns out to be a WebSocket (websocket.go) it is a
// tunnel, which leaves when it has been quiet both ways for IdleGrace and no
// write is in progress.
type Takeover struct {
	*Conn
	protocol string
	request  string
	writing  atomic.Int32 // writes in progress
	marks    atomic.Int32 // Busy without its Done
	leaving  atomic.Bool
	timer    *time.Timer // stopped until the connection is asked to leave
}

// Hijack gives the connection to its handler. rw is what net/http's Hijack
// returned; the reader in it stays, the writer is made new.
func (c *Conn) Hijack(u *Unit, rw *bufio.ReadWriter) (*Takeover, *bufio.ReadWriter) {
	k := &Takeover{Conn: c, protocol: u.Protocol, request: u.line()}
	k.timer = time.AfterFunc(time.Hour, k.quiet)
	k.timer.Stop()
	c.takeover.Store(k)
	c.unit.Store(nil)
	c.last.Store(now())
	c.step(hijack)
	_ = c.applyReadDeadline()
	if c.has(asked) {
		k.leave()
	}
	return k, rw
}

func (k *Takeover) read(p []byte) (int, error) {
	for {
		n, err := k.net.Read(p)
		if n > 0 {
			k.Conn.read.Add(int64(n))
			k.last.Store(now())
			return n, err
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && !k.has(killed) {
			if want := k.want.Load(); want == 0 || want > now() {
				_ = k.applyReadDeadline() // it was one of an earlier phase
				continue
			}
		}
		return n, err
	}
}

func (k *Takeover) write(p []byte) (int, error) {
	k.writing.Add(1)
	n, err := k.net.Write(p)
	k.last.Store(now())
	k.writing.Add(-1)
	k.wrote(int64(n), err)
	return n, err
}

// leave starts to watch for quiet. A timer waits for it, since there may be no
// reader; no byte can be lost between its look and the close but one that the
// peer sent into a tunnel that had been quiet for the whole grace.
func (k *Takeover) leave() {
	if k.leaving.CompareAndSwap(false, true) {
		k.timer.Reset(k.quietIn())
	}
}

func (k *Takeover) quietIn() time.Duration {
	return time.Duration(k.last.Load() + int64(k.group.IdleGrace) - now())
}

func (k *Takeover) quiet() {
	switch left := k.quietIn(); {
	case k.unfinished() || (left <= 0 && k.pending()):
		k.timer.Reset(max(k.group.IdleGrace, time.Millisecond))
	case left > 0:
		k.timer.Reset(left)
	default:
		_ = k.Close()
	}
}

func (k *Takeover) closed() { k.timer.Stop() }

// unfinished reports whether killing the connection now cuts something.
func (k *Takeover) unfinished() bool { return k.writing.Load() > 0 || k.marks.Load() > 0 }

func (k *Takeover) describe(s *messages.Connection) {
	s.Protocol, s.Request = k.protocol, k.request
	if k.writing.Load() == 0 && k.marks.Load() == 0 && s.State == messages.StateBusy {
		s.State = messages.StateIdle
	}
}

var _ net.Conn = (*Takeover)(nil)
