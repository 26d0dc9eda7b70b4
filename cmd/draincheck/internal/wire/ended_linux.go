package wire

import "golang.org/x/sys/unix"

const tcpEstablished = 1 // TCP_ESTABLISHED, include/net/tcp_states.h

// ended says whether the peer's FIN or RST has arrived, even if there is data before it that hasn't been read.
func ended(fd int) bool {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.State != tcpEstablished
}
