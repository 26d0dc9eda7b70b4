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
		kind: "http",
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

// echoRate measures WebSocket echoes.
func echoRate(o options) (result, error) {
	n := o.conns
	if n == 0 {
		n = 1000
	}
	type spent struct {
		cpu    time.Duration
		echoes int
	}
	all := map[string]*spent{"managed": {}, "bare": {}}
	pairs, err := contest{
		kind:     "ws",
		assemble: func(addr string) (crowd, error) { return gather(n, dialWebSocket, addr) },
		measure: func(c *child, clients crowd) (float64, error) {
			before, err := c.cpu()
			if err != nil {
				return 0, err
			}
			began := time.Now()
			echoes, err := clients.drive(o.window)
			if err != nil {
				return 0, err
			}
			rate := float64(echoes) / time.Since(began).Seconds()
			after, err := c.cpu()
			all[c.mode].cpu += after - before
			all[c.mode].echoes += echoes
			return rate, err
		},
	}.pairs(o)
	if err != nil {
		return result{}, err
	}
	each := func(mode string) float64 { return all[mode].cpu.Seconds() / float64(all[mode].echoes) }
	note := fmt.Sprintf("server CPU per echo, managed / bare, in all: %.3f", each("managed")/each("bare"))
	return result{unit: "echoes per second", pairs: pairs, block: processPairs, bar: 0.98, notes: []string{note}}, nil
}
