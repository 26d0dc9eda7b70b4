package wire

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// makeSlow clamps the window, not the buffer: what fits the window but not the buffer, with the kernel's overhead, would be
// dropped and sent again after ever longer pauses.
func makeSlow(_, _ string, raw syscall.RawConn) error {
	var err error
	if rawErr := raw.Control(func(fd uintptr) {
		err = errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 2*slowWindow),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_WINDOW_CLAMP, slowWindow),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, slowSegment))
	}); rawErr != nil {
		return rawErr
	}
	return err
}
