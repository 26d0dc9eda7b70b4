//go:build unix && !linux

package wire

import "golang.org/x/sys/unix"

// ended says whether the peer's FIN or RST has arrived, with nothing before it to be read.
func ended(fd int) bool {
	var one [1]byte
	n, _, err := unix.Recvfrom(fd, one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return (n == 0 && err == nil) || (err != nil && err != unix.EAGAIN && err != unix.EINTR)
}
