package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// client is a connection that asks and waits for the answer, again and again.
type client interface {
	round() error
	Close() error
}

const helloRequest = "GET /hello HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"

// plain is a keep-alive client that spends as little as it can: the clients are on
// the same processors.
type plain struct {
	net.Conn
	r    *bufio.Reader
	size int // of an answer, once it is known
	buf  []byte
}

func newPlain(nc net.Conn) *plain {
	return &plain{Conn: nc, r: bufio.NewReaderSize(nc, 1<<10), buf: make([]byte, 1<<10)}
}

func (c *plain) round() error {
	if _, err := io.WriteString(c.Conn, helloRequest); err != nil {
		return err
	}
	if c.size == 0 {
		// The answers are alike.
		n, err := c.r.Read(c.buf)
		c.size = n
		return err
	}
	_, err := io.ReadFull(c.r, c.buf[:c.size])
	return err
}

func dialPlain(addr string) (client, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return newPlain(nc), nil
}

func dialTLS(addr string) (client, error) {
	nc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return nil, err
	}
	return newPlain(nc), nil
}

// crowd is clients of one server.
type crowd []client

func gather(n int, dial func(string) (client, error), addr string) (crowd, error) {
	c := make(crowd, n)
	for i := range c {
		var err error
		if c[i], err = dial(addr); err != nil {
			return nil, fmt.Errorf("client %d: %w", i, err)
		}
	}
	return c, nil
}

// drive has every client ask for the time of window, and returns how many answers
// came.
func (c crowd) drive(window time.Duration) (int, error) {
	until := time.Now().Add(window)
	type count struct {
		n   int
		err error
	}
	counts := make(chan count)
	for _, one := range c {
		go func() {
			k := count{}
			for k.err == nil && time.Now().Before(until) {
				if k.err = one.round(); k.err == nil {
					k.n++
				}
			}
			counts <- k
		}()
	}
	total, errs := 0, []error(nil)
	for range c {
		k := <-counts
		total += k.n
		errs = append(errs, k.err)
	}
	return total, errors.Join(errs...)
}
