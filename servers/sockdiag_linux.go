package servers

import (
	"encoding/binary"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// States of TCP, as bits of a request (net/tcp_states.h of the kernel).
const (
	synReceived = 1 << 3
	listening   = 1 << 10
)

// inetDiag is a struct inet_diag_msg: what the kernel says of a socket (sock_diag(7)).
type inetDiag []byte

const (
	diagRepeated = 3  // how often its timer has gone off
	diagSource   = 8  // its own address
	diagLeft     = 52 // until its timer goes off, in milliseconds
	diagInode    = 68
	diagSize     = 72
)

// sockets has the kernel list the TCP sockets of a port of ours that are in one of
// these states. It takes no privilege; where it is not to be had there are none.
func sockets(port int, states uint32, each func(inetDiag)) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		diagnose(fd, family, port, states, each)
	}
}

// diagnose is sockets for one family.
func diagnose(fd int, family uint8, port int, states uint32, each func(inetDiag)) {
	const (
		headerSize  = unix.SizeofNlMsghdr
		requestSize = 56 // struct inet_diag_req_v2
		portAt      = 8  // of its source port
	)
	var ask [headerSize + requestSize]byte
	native := binary.NativeEndian
	native.PutUint32(ask[0:], uint32(len(ask)))
	native.PutUint16(ask[4:], unix.SOCK_DIAG_BY_FAMILY)
	native.PutUint16(ask[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request := ask[headerSize:]
	request[0], request[1] = family, unix.IPPROTO_TCP
	native.PutUint32(request[4:], states)
	binary.BigEndian.PutUint16(request[portAt:], uint16(port))
	if unix.Sendto(fd, ask[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
		return
	}
	answer := make([]byte, os.Getpagesize())
	for {
		n, _, err := unix.Recvfrom(fd, answer, 0)
		if err != nil {
			return
		}
		messages, err := syscall.ParseNetlinkMessage(answer[:n])
		if err != nil {
			return
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				return
			case unix.SOCK_DIAG_BY_FAMILY:
				if len(m.Data) >= diagSize {
					each(inetDiag(m.Data))
				}
			}
		}
	}
}
