// Package relay stands between a client and a server and makes the way longer: what one side sends, ends or resets
// reaches the other half a round trip later. What was under way when the server closed is then as lost as it would be on
// a real link.
package relay

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Relay listens on a loopback port of its own.
type Relay struct {
	listener net.Listener
	target   string
	delay    time.Duration
	closed   chan struct{}
	pairs    sync.WaitGroup
}

// Start starts a relay to target; a round trip takes rtt longer through it.
func Start(target string, rtt time.Duration) (*Relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{listener: l, target: target, delay: rtt / 2, closed: make(chan struct{})}
	r.pairs.Go(r.accept)
	return r, nil
}

// Addr is where clients connect to.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Close ends everything that still goes through the relay.
func (r *Relay) Close() {
	close(r.closed)
	r.listener.Close()
	r.pairs.Wait()
}

func (r *Relay) accept() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.pairs.Go(func() { r.join(c.(*net.TCPConn)) })
	}
}

// join connects to the server and carries both directions until both have ended.
func (r *Relay) join(client *net.TCPConn) {
	defer client.Close()
	conn, err := net.Dial("tcp", r.target)
	if err != nil {
		client.SetLinger(0) // a refusal can only be passed on as a reset
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-r.closed:
			client.Close()
			server.Close()
		case <-over:
		}
	}()
	var ways sync.WaitGroup
	ways.Go(func() { r.carry(client, server) })
	ways.Go(func() { r.carry(server, client) })
	ways.Wait()
}

// parcel is something under way: bytes, and perhaps the end that followed them.
type parcel struct {
	due  time.Time
	data []byte
	end  error // io.EOF for a FIN, anything else for a reset
}

const maxUnderWay = 256

// carry takes what arrives from one side to the other, in order and late.
func (r *Relay) carry(from, to *net.TCPConn) {
	way := make(chan parcel, maxUnderWay)
	go func() {
		defer close(way)
		for {
			buf := make([]byte, 16<<10)
			n, err := from.Read(buf)
			way <- parcel{due: time.Now().Add(r.delay), data: buf[:n], end: err}
			if err != nil {
				return
			}
		}
	}()
	broken := false
	for p := range way {
		if broken {
			continue // the receiver has gone; the sender must not be blocked by that
		}
		r.await(p.due)
		broken = deliver(p, from, to) != nil
	}
}

func deliver(p parcel, from, to *net.TCPConn) error {
	if len(p.data) > 0 {
		if _, err := to.Write(p.data); err != nil {
			reset(from) // what comes for one who has gone is answered with a reset
			return err
		}
	}
	switch {
	case p.end == nil:
	case errors.Is(p.end, io.EOF):
		return to.CloseWrite()
	default:
		reset(to)
	}
	return nil
}

func reset(c *net.TCPConn) {
	c.SetLinger(0)
	c.Close()
}

func (r *Relay) await(due time.Time) {
	wait := time.Until(due)
	if wait <= 0 {
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.closed:
	}
}
