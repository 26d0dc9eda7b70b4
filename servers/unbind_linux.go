package servers

import (
	"net"

	"golang.org/x/sys/unix"
)

// queued reports whether a connection waits in the accept queue (poll(2)), whatever
// the listener's deadline.
func queued(ln net.Listener) (found bool) {
	control(ln, func(fd int) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 0)
		found = err == nil && n > 0
	})
	return found
}

// refuseNew drops new handshakes at a listening socket, while those that have
// begun go on: a classic BPF program (socket(7), SO_ATTACH_FILTER) that drops
// every segment with SYN and without ACK. A dropped SYN is sent again a second
// later, and refused by then. It needs no privilege. Where it is not to be had,
// the queue is emptied without it.
//
// The filter belongs to the socket, not to the descriptor: on one that another
// process shares it would keep its connections out too.
func refuseNew(ln net.Listener) (refused bool) {
	const (
		flags   = 13 // offset of the flags in a TCP header (RFC 9293, section 3.1)
		syn     = 0x02
		synAck  = 0x12
		all     = 0xffffffff
		loadB   = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
		andK    = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
		jumpEq  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		returnK = unix.BPF_RET | unix.BPF_K
	)
	program := []unix.SockFilter{
		{Code: loadB, K: flags},
		{Code: andK, K: synAck},
		{Code: jumpEq, K: syn, Jt: 0, Jf: 1},
		{Code: returnK, K: 0},
		{Code: returnK, K: all},
	}
	control(ln, func(fd int) {
		refused = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}) == nil
	})
	return refused
}
