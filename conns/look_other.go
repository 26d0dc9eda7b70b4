//go:build !linux

package conns

import (
	"net"
)

// peek: what the kernel has received cannot be known here without reading it.
func peek(net.Conn) bool { return false }

// arrived cannot be known here either.
func arrived(net.Conn) int64 { return 0 }

// readNow is not supported: the last look is a Read with a short deadline.
func readNow(net.Conn, []byte) (int, bool) { return 0, false }

// unsent cannot be known here: lingering lasts Linger after the last byte that
// came from the peer.
func unsent(net.Conn) int { return 0 }

func unacknowledged(net.Conn) int { return 0 }

// untaken cannot be known here either.
func untaken(net.Conn, int64) bool { return false }

func visible(net.Conn) bool { return false }
