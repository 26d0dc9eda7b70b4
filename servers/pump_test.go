package servers_test

import (
	"net"
	"os"
	"sync/atomic"
	"time"
)

// pump is a connection in memory that allocates nothing: what is left of a request
// is the server's.
type pump struct {
	in      chan []byte
	out     chan int
	late    atomic.Bool // the read deadline has passed
	changed chan struct{}
	ended   chan struct{}
	over    atomic.Bool
	left    []byte // of a request; of the reader
}

func newPump() *pump {
	return &pump{in: make(chan []byte), out: make(chan int, 16), changed: make(chan struct{}, 1), ended: make(chan struct{})}
}

const pumped = "GET /hello HTTP/1.1\r\nHost: test\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"

var pumpedBytes = []byte(pumped)

// ask sends a request and waits for the response.
func (p *pump) ask() {
	p.in <- pumpedBytes
	<-p.out
}

func (p *pump) Read(b []byte) (int, error) {
	for {
		if p.late.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		if len(p.left) > 0 {
			n := copy(b, p.left)
			p.left = p.left[n:]
			return n, nil
		}
		select {
		case <-p.changed:
		case <-p.ended:
			return 0, net.ErrClosed
		case p.left = <-p.in:
		}
	}
}

func (p *pump) Write(b []byte) (int, error) {
	p.out <- len(b)
	return len(b), nil
}

func (p *pump) SetReadDeadline(t time.Time) error {
	p.late.Store(!t.IsZero() && !t.After(time.Now()))
	select {
	case p.changed <- struct{}{}:
	default:
	}
	return nil
}

func (p *pump) Close() error {
	if p.over.CompareAndSwap(false, true) {
		close(p.ended)
	}
	return nil
}

func (p *pump) SetDeadline(t time.Time) error    { return p.SetReadDeadline(t) }
func (p *pump) SetWriteDeadline(time.Time) error { return nil }
func (p *pump) LocalAddr() net.Addr              { return nowhere }
func (p *pump) RemoteAddr() net.Addr             { return nowhere }

var nowhere = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}

// pumps is a listener of pumps.
type pumps struct {
	conns chan net.Conn
	ended chan struct{}
	over  atomic.Bool
}

func newPumps(list ...*pump) *pumps {
	l := &pumps{conns: make(chan net.Conn, len(list)), ended: make(chan struct{})}
	for _, p := range list {
		l.conns <- p
	}
	return l
}

func (l *pumps) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

func (l *pumps) Close() error {
	if l.over.CompareAndSwap(false, true) {
		close(l.ended)
	}
	return nil
}

func (l *pumps) Addr() net.Addr { return nowhere }
