package servers

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// mates are the sockets of others, by their inodes, that listen on the same address as
// ln: with SO_REUSEPORT the kernel deals new connections out to them all.
func mates(ln net.Listener) []uint32 {
	addr, ok := ln.Addr().(*net.TCPAddr)
	own := inode(ln)
	if !ok || own == 0 {
		return nil
	}
	type listed struct {
		inode uint32
		at    []byte
	}
	var all []listed
	sockets(addr.Port, listening, func(s inetDiag) {
		at := append([]byte{s[0]}, s[diagSource:diagSource+16]...) // its family and address
		all = append(all, listed{binary.NativeEndian.Uint32(s[diagInode:]), at})
	})
	i := slices.IndexFunc(all, func(l listed) bool { return l.inode == own })
	if i < 0 {
		return nil
	}
	var others []uint32
	for _, l := range all {
		if l.inode != own && bytes.Equal(l.at, all[i].at) {
			others = append(others, l.inode)
		}
	}
	return others
}

func inode(ln net.Listener) (n uint32) {
	control(ln, func(fd int) {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil {
			n = uint32(st.Ino)
		}
	})
	return n
}

// steer has the kernel give new connections to another socket on the same address: a
// program of its own chooses among them (socket(7), SO_ATTACH_REUSEPORT_CBPF). Without
// that, those that it deals to a socket that refuses them come a second later.
//
// The program says a place among the sockets. They stand in the order in which they
// began to listen, but that the last takes the place of one that goes. elders are the
// mates that there were when we began. Who had none is at 0 for as long as it listens. Who
// had one is at 1 while that is there, and at 0 when that has gone, if there have never been
// three: with two processes that take turns there are not. Of others nobody knows where
// they stand, and nothing is done. It reports whether anything was.
func steer(ln net.Listener, elders []uint32) bool {
	now := mates(ln)
	var to uint32
	switch {
	case len(now) > 0 && len(elders) == 0:
		to = 1
	case len(now) != 1 || len(elders) != 1:
		return false
	case now[0] == elders[0]:
		to = 0
	default:
		to = 1
	}
	program := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: to}}
	steered := false
	control(ln, func(fd int) {
		steered = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
			&unix.SockFprog{Len: 1, Filter: &program[0]}) == nil
	})
	return steered
}

// unsteer takes that back, since the program is everybody's and would outlive us, and ends
// the listening in the same instant (shutdown(2)): who is dealt to us in between comes a
// second later.
func unsteer(ln net.Listener) {
	control(ln, func(fd int) {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, 0)
		_ = unix.Shutdown(fd, unix.SHUT_RD)
	})
}

// control calls f with the socket, if there is one.
func control(ln net.Listener, f func(fd int)) {
	sc, ok := ln.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := sc.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}
