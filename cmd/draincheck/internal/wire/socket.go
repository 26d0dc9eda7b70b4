//go:build unix

// Package wire is a client that knows exactly what it wrote when, and what came back: HTTP/1.1, HTTP/2 and WebSocket on raw
// sockets. A ready-made client repeats, pools and hides: none of that can be used to count losses.
package wire

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrClosedBefore says that nothing was written, because the connection's end had arrived before.
var ErrClosedBefore = errors.New("closed before the request was written")

// errQuiet is what a look at a connection finds if nothing has arrived. It is temporary, so that crypto/tls lets
// the connection live.
var errQuiet net.Error = quiet{}

type quiet struct{}

func (quiet) Error() string   { return "nothing to read" }
func (quiet) Timeout() bool   { return true }
func (quiet) Temporary() bool { return true }

// socket is a TCP connection that can be looked at without waiting, and that refuses to write after the peer's end.
type socket struct {
	*net.TCPConn
	raw      syscall.RawConn
	looking  bool // Read doesn't wait
	careful  bool // the next Write asks for the connection's state first
	accepted int  // bytes that write() took
}

func newSocket(c *net.TCPConn) (*socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &socket{TCPConn: c, raw: raw}, nil
}

// Read reads what is there, or waits for it unless the socket is being looked at.
func (s *socket) Read(p []byte) (int, error) {
	if !s.looking {
		return s.TCPConn.Read(p)
	}
	n, err := 0, error(nil)
	rawErr := s.raw.Read(func(fd uintptr) bool {
		for {
			if n, err = unix.Read(int(fd), p); err != unix.EINTR {
				return true
			}
		}
	})
	switch {
	case rawErr != nil:
		return 0, rawErr
	case err == unix.EAGAIN:
		return 0, errQuiet
	case err != nil:
		return 0, err
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write writes all of p. A careful socket asks the kernel whether the peer's FIN or RST has arrived, and writes, in one go:
// between the two lie two system calls of this thread and nothing else.
func (s *socket) Write(p []byte) (int, error) {
	if !s.careful {
		n, err := s.TCPConn.Write(p)
		s.accepted += n
		return n, err
	}
	n, err := 0, error(nil)
	rawErr := s.raw.Write(func(fd uintptr) bool {
		if ended(int(fd)) {
			err = ErrClosedBefore
			return true
		}
		n, err = unix.Write(int(fd), p)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	if rawErr != nil {
		return 0, rawErr
	}
	if err != nil {
		return 0, err
	}
	s.careful = false
	s.accepted += n
	if n == len(p) {
		return n, nil
	}
	rest, err := s.TCPConn.Write(p[n:])
	s.accepted += rest
	return n + rest, err
}
