package servers

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// Acceptor is a listener for a transport of your own: it backs off when the
// process has run out of descriptors, and closes without losing what the kernel
// has accepted.
type Acceptor struct {
	listener  *listener
	leaves    atomic.Bool
	unbinding chan struct{} // closed when leaves turns true
}

// Listen opens a listener, as net.Listen does. Closing a TCP listener of ours
// keeps new connections out while its accept queue is emptied (Linux).
func Listen(ctx context.Context, network, addr string) (*Acceptor, error) {
	ln, err := listen(ctx, address{network: network, addr: addr})
	if err != nil {
		return nil, err
	}
	return newAcceptor(ln), nil
}

// Accept makes an Acceptor of a listener of yours. Its accept queue is emptied as
// well as can be; new connections are not kept out meanwhile.
func Accept(ln net.Listener) *Acceptor { return newAcceptor(newListener(ln, false)) }

func newAcceptor(ln *listener) *Acceptor {
	return &Acceptor{listener: ln, unbinding: make(chan struct{})}
}

// Again opens what Listen has opened once more, after Unbind, for a server that is
// resumed. If its address left the port open (":0"), it is the port that it had,
// unless somebody has taken that meanwhile. What was given to Accept cannot be opened
// again.
func (a *Acceptor) Again(ctx context.Context) (*Acceptor, error) {
	ln, err := a.listener.again(ctx)
	if err != nil {
		return nil, err
	}
	return newAcceptor(ln), nil
}

// Reopenable says why Again would fail: it was given to Accept. It is nil otherwise.
func (a *Acceptor) Reopenable() error { return a.listener.reopenable() }

// Addr is the address that is listened on.
func (a *Acceptor) Addr() net.Addr { return a.listener.Addr() }

// The back-off after an error that may pass (EMFILE, ENFILE, ECONNABORTED), as in
// net/http.
const (
	firstBackOff = 5 * time.Millisecond
	lastBackOff  = time.Second
)

// Each accepts until Unbind, and calls f with each connection, in this goroutine.
// It returns nil after Unbind; any other return is a failure of the listener.
func (a *Acceptor) Each(f func(net.Conn)) error { return a.EachAfter(func() {}, f) }

// EachAfter is Each; before is called before each connection is accepted, to wait
// for a place under the limit of connections (conns.Tracker.Admit).
func (a *Acceptor) EachAfter(before func(), f func(net.Conn)) error {
	var wait time.Duration
	before()
	for {
		nc, err := a.listener.Accept()
		switch {
		case err == nil:
			wait = 0
			f(nc)
			before()
		case errors.Is(err, errUnbound) || a.listener.leaving.Load() != 0 && !isTemporary(err):
			return nil
		case isTemporary(err):
			wait = min(max(2*wait, firstBackOff), lastBackOff)
			wait = a.backOff(wait)
		default:
			return err
		}
	}
}

// backOff waits, for no longer than until Unbind, and returns what it waited for.
func (a *Acceptor) backOff(d time.Duration) time.Duration {
	unbinding := a.unbinding
	select {
	case <-unbinding: // then what is left is waited for in small steps
		d, unbinding = firstBackOff, nil
	default:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return d
	case <-unbinding:
		return 0
	}
}

// Unbind stops accepting when everything that the kernel has accepted has been
// given to Each, and closes the listener. It gives up when ctx ends.
func (a *Acceptor) Unbind(ctx context.Context) error {
	if a.leaves.CompareAndSwap(false, true) {
		close(a.unbinding)
	}
	return ignoreClosed(a.listener.unbind(ctx))
}
