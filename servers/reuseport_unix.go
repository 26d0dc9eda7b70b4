//go:build linux || darwin

package servers

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// reusePort lets another process listen on the same port at the same time, each
// with a socket of its own (socket(7), SO_REUSEPORT).
func reusePort(_, _ string, c syscall.RawConn) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); e != nil {
		return e
	}
	return err
}
