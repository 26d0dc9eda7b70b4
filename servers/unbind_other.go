//go:build !linux

package servers

import (
	"net"
	"time"
)

// refuseNew is for Linux: elsewhere the queue is emptied while new connections
// may still enter it.
func refuseNew(net.Listener) bool { return false }

// queued cannot be known here without accepting.
func queued(net.Listener) bool { return false }

// steer and unsteer are for Linux; so nobody needs to know who else listens.
func steer(net.Listener, []uint32) bool { return false }
func unsteer(net.Listener)              {}
func mates(net.Listener) []uint32       { return nil }

// handshaking cannot be known here.
func handshaking(net.Listener, time.Duration) bool { return false }
