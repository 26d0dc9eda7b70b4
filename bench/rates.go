package main

import (
	"fmt"
	"net"
	"time"
)

// fleeting is a client that makes a new connection for each request.
type fleeting struct {
	addr string
	from net.Addr
	buf  []byte
}

const lastRequest = "GET /hello HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"

func (c *fleeting) round() error {
	nc, err := (&net.Dialer{LocalAddr: c.from}).Dial("tcp", c.addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	if _, err := nc.Write([]byte(lastRequest)); err != nil {
		return err
	}
	for {
		if _, err := nc.Read(c.buf); err != nil {
			break
		}
	}
	return nil
}

func (c *fleeting) Close() error { return nil }

// connectRate measures connections per second, one request each. Each client has
// an address of its own: ports would run out.
func connectRate(o options) (result, error) {
	pairs, err := contest{
		managed: "http", bare: "http",
		assemble: func(addr string) (clients crowd, err error) {
			for i := range 16 {
				clients = append(clients, &fleeting{addr, &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i+1))}, make([]byte, 4<<10)})
			}
			return clients, nil
		},
		measure: func(_ *child, clients crowd) (float64, error) {
			began := time.Now()
			n, err := clients.drive(o.window)
			return float64(n) / time.Since(began).Seconds(), err
		},
	}.pairs(o)
	return result{unit: "connections per second", pairs: pairs, block: processPairs, bar: 0.95}, err
}

// echoRate measures WebSocket echoes of two kinds of server.
func echoRate(managed, bare string, bar float64) func(options) (result, error) {
	return func(o options) (result, error) {
		n := o.conns
		if n == 0 {
			n = 1000
		}
		spent := map[string]*echoes{"managed": {}, "bare": {}}
		pairs, err := contest{
			managed: managed, bare: bare,
			assemble: func(addr string) (crowd, error) { return gather(n, dialWebSocket, addr) },
			measure: func(c *child, clients crowd) (float64, error) {
				return spent[c.mode].measure(c, clients, o.window)
			},
		}.pairs(o)
		if err != nil {
			return result{}, err
		}
		note := fmt.Sprintf("server CPU per echo, managed / bare, in all: %.3f", spent["managed"].each()/spent["bare"].each())
		return result{unit: "echoes per second", pairs: pairs, block: processPairs, bar: bar, notes: []string{note}}, nil
	}
}

// echoes are those of one mode, and what its servers spent on them.
type echoes struct {
	cpu time.Duration
	n   int
}

func (e *echoes) each() float64 { return e.cpu.Seconds() / float64(e.n) }

func (e *echoes) measure(c *child, clients crowd, window time.Duration) (rate float64, err error) {
	before, err := c.cpu()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	n, err := clients.drive(window)
	if err != nil {
		return 0, err
	}
	rate = float64(n) / time.Since(began).Seconds()
	after, err := c.cpu()
	e.cpu += after - before
	e.n += n
	return rate, err
}
