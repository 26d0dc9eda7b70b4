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
	d, err := startDuel("http", "http")
	if err != nil {
		return result{}, err
	}
	defer d.end()
	side := func(c *child) func() (float64, error) {
		var clients crowd
		for i := range 16 {
			clients = append(clients, &fleeting{c.addr, &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i+1))}, make([]byte, 4<<10)})
		}
		return func() (float64, error) {
			began := time.Now()
			n, err := clients.drive(o.window)
			return float64(n) / time.Since(began).Seconds(), err
		}
	}
	managed, bare := side(d.managed), side(d.bare)
	if err := d.profile(o.profile, managed, bare); err != nil {
		return result{}, err
	}
	pairs, err := turns(o.pairs, managed, bare)
	return result{unit: "connections per second", pairs: pairs, bar: 0.95}, err
}

// echoRate measures WebSocket echoes.
func echoRate(o options) (result, error) {
	d, err := startDuel("ws", "ws")
	if err != nil {
		return result{}, err
	}
	defer d.end()
	n := o.conns
	if n == 0 {
		n = 1000
	}
	var cpus []float64
	side := func(c *child) (func() (float64, error), error) {
		clients, err := gather(n, dialWebSocket, c.addr)
		return func() (float64, error) {
			cpu, err := c.cpu()
			if err != nil {
				return 0, err
			}
			began := time.Now()
			echoes, err := clients.drive(o.window)
			rate := float64(echoes) / time.Since(began).Seconds()
			after, _ := c.cpu()
			cpus = append(cpus, (after-cpu).Seconds()*1e6/float64(echoes))
			return rate, err
		}, err
	}
	managed, err := side(d.managed)
	if err != nil {
		return result{}, err
	}
	bare, err := side(d.bare)
	if err != nil {
		return result{}, err
	}
	if err := d.profile(o.profile, managed, bare); err != nil {
		return result{}, err
	}
	cpus = nil
	pairs, err := turns(o.pairs, managed, bare)
	var ratios []float64
	for i := 0; i+1 < len(cpus); i += 2 {
		ratio := cpus[i] / cpus[i+1]
		if i/2%2 == 1 {
			ratio = 1 / ratio
		}
		ratios = append(ratios, ratio)
	}
	low, high := interval(ratios)
	note := fmt.Sprintf("server CPU per echo, managed / bare: %.3f [%.3f, %.3f]", median(ratios), low, high)
	return result{unit: "echoes per second", pairs: pairs, bar: 0.98, notes: []string{note}}, err
}
