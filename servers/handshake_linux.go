package servers

import (
	"encoding/binary"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// handshaking reports whether a client is in the midst of a handshake with ln: it has
// been sent a SYN-ACK, and its ACK, with a request behind it, is on its way. Closing
// the listener would reset it. Only handshakes count that are older than age. The
// kernel lists them on request (sock_diag(7)), without any privilege; where it does not,
// there are none.
func handshaking(ln net.Listener, age time.Duration) bool {
	addr, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		return false
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if halfOpen(fd, family, addr.Port, age) {
			return true
		}
	}
	return false
}

// halfOpen asks for the connections of one family to a port of ours in state SYN_RECV,
// and whether one is older than age.
func halfOpen(fd int, family uint8, port int, age time.Duration) bool {
	const (
		headerSize  = unix.SizeofNlMsghdr
		requestSize = 56        // struct inet_diag_req_v2
		portAt      = 8         // of its source port
		synRecv     = 1 << 0x03 // TCP_SYN_RECV, of its states
	)
	var ask [headerSize + requestSize]byte
	native := binary.NativeEndian
	native.PutUint32(ask[0:], uint32(len(ask)))
	native.PutUint16(ask[4:], unix.SOCK_DIAG_BY_FAMILY)
	native.PutUint16(ask[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request := ask[headerSize:]
	request[0], request[1] = family, unix.IPPROTO_TCP
	native.PutUint32(request[4:], synRecv)
	binary.BigEndian.PutUint16(request[portAt:], uint16(port))
	if unix.Sendto(fd, ask[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
		return false
	}
	found, answer := false, make([]byte, os.Getpagesize())
	for {
		n, _, err := unix.Recvfrom(fd, answer, 0)
		if err != nil {
			return found
		}
		messages, err := syscall.ParseNetlinkMessage(answer[:n])
		if err != nil {
			return found
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				return found
			case unix.SOCK_DIAG_BY_FAMILY:
				found = found || underway(m.Data, age)
			}
		}
	}
}

// synAckTimeout is after how long the kernel sends a SYN-ACK once more (RFC 6298,
// section 2).
const synAckTimeout = time.Second

// underway reports whether a handshake, in a struct inet_diag_msg, is older than age,
// by the time that is left until its SYN-ACK is sent once more. One that has been
// repeated in vain twice is answered by nobody: there are always some, of scanners.
func underway(message []byte, age time.Duration) bool {
	const repeatedAt, leftAt = 3, 52
	if len(message) < leftAt+4 {
		return false
	}
	left := time.Duration(binary.NativeEndian.Uint32(message[leftAt:])) * time.Millisecond
	repeated := message[repeatedAt]
	return repeated == 1 || (repeated == 0 && synAckTimeout-left >= age)
}
