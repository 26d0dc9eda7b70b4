package conns

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// peek reports whether bytes, or the end of the stream, lie in the socket's
// receive queue (recv(2), MSG_PEEK).
func peek(nc net.Conn) (found bool) {
	var one [1]byte
	askFD(nc, func(fd int) {
		_, _, err := unix.Recvfrom(fd, one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		found = err == nil
	})
	return found
}

// arrived is how many bytes lie in the socket's receive queue (tcp(7), SIOCINQ); 0 if
// that cannot be known.
func arrived(nc net.Conn) (n int64) {
	askFD(nc, func(fd int) {
		if queued, err := unix.IoctlGetInt(fd, unix.SIOCINQ); err == nil {
			n = int64(queued)
		}
	})
	return n
}

// readNow reads what the socket has received, without waiting; 0 if that is
// nothing. It reports false if nc is no socket.
func readNow(nc net.Conn, p []byte) (n int, supported bool) {
	supported = onFD(nc, func(fd int) {
		n, _, _ = unix.Recvfrom(fd, p, unix.MSG_DONTWAIT)
	})
	return n, supported
}

// unsent is how many bytes the peer has not acknowledged yet (tcp(7), SIOCOUTQ);
// 0 if that cannot be known.
func unsent(nc net.Conn) (n int) {
	askFD(nc, func(fd int) { n, _ = unix.IoctlGetInt(fd, unix.SIOCOUTQ) })
	return n
}

// unacknowledged is how much of that has been sent: its window is open, and the network
// does not bring it there.
func unacknowledged(nc net.Conn) (n int) {
	askFD(nc, func(fd int) {
		waiting, err := unix.IoctlGetInt(fd, unix.SIOCOUTQNSD)
		if n, _ = unix.IoctlGetInt(fd, unix.SIOCOUTQ); err == nil {
			n -= waiting
		}
	})
	return n
}

// untaken reports whether the peer is missing something that was written at the
// time since: its window is shut, or it has acknowledged nothing for so long that
// it cannot be its delayed acknowledgement (RFC 9293, section 3.8.6.3).
func untaken(nc net.Conn, since int64) bool {
	waiting := 0
	askFD(nc, func(fd int) { waiting, _ = unix.IoctlGetInt(fd, unix.SIOCOUTQNSD) })
	return waiting > 0 || (now()-since > int64(ackTime) && unsent(nc) > 0)
}

// visible reports whether unsent and untaken can see anything.
func visible(nc net.Conn) bool {
	_, ok := socket(nc).(syscall.Conn)
	return ok
}

// ackTime is how long a peer may take to acknowledge what it has: a delayed
// acknowledgement and a round trip.
const ackTime = 500 * time.Millisecond

// socket is the socket below nc: a listener of the user's may hand out TLS layers, or
// other wrappers, that say what they wrap as a *tls.Conn does. Only questions are put to
// it: to read from it would tear what lies above.
func socket(nc net.Conn) net.Conn {
	const layers = 8 // more than anybody has
	for range layers {
		if _, ok := nc.(syscall.Conn); ok {
			break
		}
		w, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		below := w.NetConn()
		if below == nil {
			break
		}
		nc = below
	}
	return nc
}

// askFD runs f with the descriptor of the socket below nc.
func askFD(nc net.Conn, f func(fd int)) bool { return onFD(socket(nc), f) }

// onFD runs f with the socket's descriptor. It neither waits for the socket nor
// minds its deadlines.
func onFD(nc net.Conn, f func(fd int)) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	return raw.Control(func(fd uintptr) { f(int(fd)) }) == nil
}
