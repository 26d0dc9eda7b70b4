//go:build unix

package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// Conn is a client's connection. One goroutine uses it at a time, but for Write, which may run beside the reading.
type Conn struct {
	// Since is when it was established.
	Since time.Time

	sock    *socket
	stream  net.Conn // the socket, or TLS on it
	in      *bufio.Reader
	release func() bool
}

// Sight is what a look at a connection finds.
type Sight uint8

const (
	// Quiet is an open connection on which nothing has arrived.
	Quiet Sight = iota
	// Spoken is one on which the server has said something unasked: a farewell.
	Spoken
	// Over is one whose end has arrived.
	Over
)

// Look says what has arrived, without waiting.
func (c *Conn) Look() Sight {
	if c.in.Buffered() > 0 {
		return Spoken
	}
	c.sock.looking = true
	_, err := c.in.Peek(1)
	c.sock.looking = false
	switch {
	case err == nil:
		return Spoken
	case errors.Is(err, errQuiet):
		return Quiet
	}
	return Over
}

// Send writes a request. A careful one isn't written if the peer's end has arrived: the error is then ErrClosedBefore. It
// counts as written if write() took at least a byte of it, whatever the error.
func (c *Conn) Send(p []byte, careful bool) (written bool, err error) {
	before := c.sock.accepted
	c.sock.careful = careful
	_, err = c.stream.Write(p)
	c.sock.careful = false
	return c.sock.accepted > before, err
}

// Write writes without looking.
func (c *Conn) Write(p []byte) (int, error) { return c.stream.Write(p) }

// Read reads what the server sends. Its errors are *Break or io.EOF.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if err != nil && err != io.EOF {
		err = breakOf(err, false)
	}
	return n, err
}

// Stream gives the connection to a protocol that isn't HTTP/1.1; its reader holds what was read already.
func (c *Conn) Stream() (net.Conn, *bufio.Reader) { return c.stream, c.in }

// Protocol is what TLS negotiated, if anything.
func (c *Conn) Protocol() string {
	if t, ok := c.stream.(*tls.Conn); ok {
		return t.ConnectionState().NegotiatedProtocol
	}
	return ""
}

// CloseWrite sends the client's FIN and keeps reading.
func (c *Conn) CloseWrite() error { return c.sock.CloseWrite() }

// Close closes the connection.
func (c *Conn) Close() {
	if c.release != nil {
		c.release()
	}
	c.sock.Close()
}

// How says how a connection ended where something was due.
type How uint8

const (
	// Closed is a FIN.
	Closed How = iota
	// Reset is a RST.
	Reset
	// TimedOut is silence until the time was up.
	TimedOut
	// Garbled is something that is no HTTP.
	Garbled
)

// Break is a response that did not arrive in full.
type Break struct {
	How   How
	Begun bool // at least a byte of it arrived
	Err   error
}

func (b *Break) Error() string { return b.Err.Error() }

// Unwrap returns the cause.
func (b *Break) Unwrap() error { return b.Err }

func breakOf(err error, begun bool) *Break {
	b := &Break{How: Garbled, Begun: begun, Err: err}
	var timeout net.Error
	var inner *Break
	switch {
	case errors.As(err, &inner):
		b.How = inner.How
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		b.How = Closed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		b.How = Reset
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		b.How = TimedOut
	}
	return b
}

// Await waits until something has arrived, or for so long. Nothing in that time is a *Break that TimedOut.
func (c *Conn) Await(ctx context.Context, d time.Duration) error {
	if c.in.Buffered() > 0 {
		return nil
	}
	past := time.Unix(1, 0)
	c.sock.SetReadDeadline(time.Now().Add(d))
	if ctx.Err() != nil { // whoever ended it set a deadline that must stand
		c.sock.SetReadDeadline(past)
	}
	_, err := c.in.Peek(1)
	c.sock.SetReadDeadline(time.Time{})
	if ctx.Err() != nil {
		c.sock.SetReadDeadline(past)
	}
	if err != nil {
		return breakOf(err, false)
	}
	return nil
}
