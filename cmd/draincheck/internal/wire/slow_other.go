//go:build unix && !linux

package wire

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

func makeSlow(_, _ string, raw syscall.RawConn) error {
	var err error
	if rawErr := raw.Control(func(fd uintptr) {
		err = errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, slowWindow),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, slowSegment))
	}); rawErr != nil {
		return rawErr
	}
	return err
}
