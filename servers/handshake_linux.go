package servers

import (
	"encoding/binary"
	"net"
	"time"
)

// handshaking reports whether a client is in the midst of a handshake with ln: it has
// been sent a SYN-ACK, and its ACK, with a request behind it, is on its way. Closing
// the listener would reset it. Only handshakes count that are older than age.
func handshaking(ln net.Listener, age time.Duration) (found bool) {
	addr, ok := ln.Addr().(*net.TCPAddr)
	if !ok {
		return false
	}
	sockets(addr.Port, synReceived, func(s inetDiag) { found = found || underway(s, age) })
	return found
}

// synAckTimeout is after how long the kernel sends a SYN-ACK once more (RFC 6298,
// section 2).
const synAckTimeout = time.Second

// underway reports whether a handshake is older than age, by the time that is left
// until its SYN-ACK is sent once more. One that has been repeated in vain twice is
// answered by nobody: there are always some, of scanners.
func underway(s inetDiag, age time.Duration) bool {
	left := time.Duration(binary.NativeEndian.Uint32(s[diagLeft:])) * time.Millisecond
	repeated := s[diagRepeated]
	return repeated == 1 || (repeated == 0 && synAckTimeout-left >= age)
}
