package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// listener is a listening socket that can be closed without losing what the
// kernel has accepted. Closing a socket resets every connection in its accept
// queue, so it is emptied first: on Linux, on a socket that we bound ourselves, a
// socket filter keeps new handshakes out meanwhile (unbind_linux.go).
type listener struct {
	net.Listener
	asked   address
	elders  []uint32     // who listened on a shared port before us
	steered atomic.Bool  // away from us
	ours    bool         // we bound it, and nobody shares it
	leaving atomic.Int64 // when to stop accepting at the latest, in Unix nanoseconds; 0 while serving
	refused atomic.Int64 // since when new handshakes are kept out
	done    chan struct{}
	closed  atomic.Bool
}

// quietTime is how long an accept queue must stay empty to count as empty.
const quietTime = 20 * time.Millisecond

// handshakeTime is how long a handshake that has begun may take: a SYN-ACK that is
// lost is sent once more after a second, and then it is a round trip.
const handshakeTime = 1300 * time.Millisecond

// sharedHandshakeTime is the same on a port that another process listens to as well:
// who was kept out of ours tries once more after a second, and is to reach that one.
const sharedHandshakeTime = 900 * time.Millisecond

// openTime is how long a listener that new connections cannot be kept out of is emptied
// at most. Another process may listen to it as well, and would have what comes; and who
// is connected to us is told of the drain only when this is over.
const openTime = time.Second

// errUnbound ends a Serve whose listener was unbound.
var errUnbound = errors.New("drain: the listener is unbound")

// address is what a listener was asked to listen on; empty if it was given.
type address struct {
	network, addr string
	shared        bool // with another process: see HTTPOptions.ReusePort
}

// listen opens a listener of our own. Go's default for TCP is Multipath TCP, to
// which no socket filter can be attached.
func listen(ctx context.Context, asked address) (*listener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	if asked.shared {
		lc.Control = reusePort
	}
	ln, err := lc.Listen(ctx, asked.network, asked.addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %q: %w", asked.addr, err)
	}
	l := newListener(ln, strings.HasPrefix(asked.network, "tcp"))
	l.asked = asked
	if asked.shared {
		l.elders = mates(ln)
	}
	return l, nil
}

// again opens it once more, after it has been closed. Who asked for any port gets the
// one that it had, which its clients know, unless somebody has taken that meanwhile.
func (l *listener) again(ctx context.Context) (*listener, error) {
	if l.asked == (address{}) {
		return nil, l.spent()
	}
	if _, port, err := net.SplitHostPort(l.asked.addr); err == nil && (port == "0" || port == "") {
		same := l.asked
		same.addr = l.Addr().String()
		if next, err := listen(ctx, same); err == nil {
			next.asked = l.asked
			return next, nil
		}
	}
	return listen(ctx, l.asked)
}

// reopenable says why it could not be opened again after it has been closed; nil if it
// could.
func (l *listener) reopenable() error {
	if l.asked != (address{}) {
		return nil
	}
	return fmt.Errorf("the listener %s was given: closed, it could not be opened again; "+
		"let the server open it, or unregister the server", l.Addr())
}

// given makes a listener of one of the user's. Nobody but its owner could open it, and
// what is closed must not seem to serve.
func given(ln net.Listener) (*listener, error) {
	l := newListener(ln, false)
	if sc, ok := ln.(syscall.Conn); ok {
		raw, err := sc.SyscallConn()
		if err == nil {
			err = raw.Control(func(uintptr) {})
		}
		if errors.Is(err, net.ErrClosed) {
			return nil, l.spent()
		}
	}
	return l, nil
}

// spent is the error of a listener of the user's that is closed.
func (l *listener) spent() error {
	return fmt.Errorf("the listener %s was given and is closed: it cannot be opened again; "+
		"let the server open it, or register a new one", l.Addr())
}

func newListener(ln net.Listener, ours bool) *listener {
	return &listener{Listener: ln, ours: ours, done: make(chan struct{})}
}

// Accept implements net.Listener. While the listener is being unbound it accepts
// until the queue has been quiet, and closes.
func (l *listener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		limit := l.leaving.Load()
		if limit == 0 {
			return nc, mayPass(err)
		}
		over := time.Now().UnixNano() >= limit
		switch {
		case err == nil:
			if over || !l.rearm() {
				l.close()
			}
			return nc, nil
		case over:
		case errors.Is(err, os.ErrDeadlineExceeded):
			// On a busy machine the deadline may have passed before Accept looked. What is
			// no handshake any more may be in the queue by now, so that comes second.
			if (l.awaited() || queued(l.Listener)) && l.rearm() {
				continue
			}
		case isTemporary(err):
			return nil, mayPass(err) // out of descriptors: net/http backs off and comes back
		}
		l.close()
		return nil, errUnbound
	}
}

// awaited reports whether a handshake is in progress that is worth waiting for. On a
// port that another process listens to as well, the younger ones are its own.
func (l *listener) awaited() bool {
	refused := time.Duration(time.Now().UnixNano() - l.refused.Load())
	limit, age := handshakeTime, time.Duration(0)
	if l.asked.shared {
		limit, age = sharedHandshakeTime, refused-jiffy
	}
	return l.ours && refused < limit && handshaking(l.Listener, age)
}

// jiffy is the longest step of the kernel's clock.
const jiffy = 10 * time.Millisecond

func isTemporary(err error) bool {
	var ne interface{ Temporary() bool }
	return errors.As(err, &ne) && ne.Temporary() || hasPassed(err)
}

// hasPassed reports whether err is about one connection, or about memory, and not
// about the listener (accept(2)). net.OpError calls few of these temporary, and
// fewer when a listener of the user's has wrapped them.
func hasPassed(err error) bool {
	for _, errno := range []error{
		syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPROTO, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.EMFILE, syscall.ENFILE,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// passing makes net/http back off.
type passing struct{ error }

func (passing) Temporary() bool { return true }
func (passing) Timeout() bool   { return false }
func (p passing) Unwrap() error { return p.error }

// mayPass marks an error that may pass as one.
func mayPass(err error) error {
	if err != nil && hasPassed(err) {
		return passing{err}
	}
	return err
}

// rearm waits for another quietTime; it reports false if this listener cannot.
func (l *listener) rearm() bool {
	d, ok := l.Listener.(interface{ SetDeadline(time.Time) error })
	return ok && d.SetDeadline(time.Now().Add(quietTime)) == nil
}

func (l *listener) close() {
	select {
	case <-l.done:
	default:
		_ = l.Close()
		close(l.done)
	}
}

// Close implements net.Listener. net/http closes a listener once, so do we.
func (l *listener) Close() error {
	if l.closed.Swap(true) {
		return net.ErrClosed
	}
	if l.steered.Load() {
		unsteer(l.Listener)
	}
	return l.Listener.Close()
}

// unbind empties the accept queue and closes the listener. Whoever is in Accept, or
// about to come there, does it; a context that has ended says that nobody will.
func (l *listener) unbind(ctx context.Context) error {
	limit := time.Now()
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil {
		limit = deadline
	}
	if l.asked.shared {
		l.steered.Store(steer(l.Listener, l.elders))
	}
	refused := l.ours && refuseNew(l.Listener)
	if longest := time.Now().Add(openTime); !refused && limit.After(longest) {
		limit = longest
	}
	l.refused.Store(time.Now().UnixNano())
	l.leaving.Store(limit.UnixNano())
	if ctx.Err() != nil || !l.rearm() {
		return l.Close()
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return l.Close()
	}
}
