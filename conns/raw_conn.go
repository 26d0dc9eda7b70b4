package conns

import (
	"context"
	"net"
	"syscall"
)

// RawConn is a connection whose protocol nobody here knows, as its handler has it: a
// net.Conn, and the words by which Drain learns where a unit of work begins and ends;
// see Conn.FollowReads. Tests of a handler may bring one of their own.
type RawConn interface {
	net.Conn

	// Begin marks that a unit of work has arrived, and says what the Report is to call
	// it. Without it a unit begins with the first byte that a Read returns, and a
	// connection that is quiet for IdleGrace in the middle of it leaves.
	Begin(u *Unit)
	// Idle marks that a unit is over: the last byte of its answer is written. Where
	// units overlap, each that was begun ends with an Idle of its own, from whatever
	// goroutine.
	Idle()
	// Quiet reports whether nothing has been received that no Read has returned: a
	// handler that ends a connection of its own accord asks it first (Linux; true
	// elsewhere).
	Quiet() bool
	// SetProtocol says what the connection speaks, for people; "TCP" until then.
	SetProtocol(name string)

	// CloseWrite ends what we send: a close_notify over TLS, a FIN without.
	CloseWrite() error
	// NetConn returns what it wraps: the socket, or the *tls.Conn. Who reads or writes
	// there goes behind Drain's back.
	NetConn() net.Conn
	// SyscallConn gives access to the socket, for its options.
	SyscallConn() (syscall.RawConn, error)
}

// RawHandler serves one connection until it returns; the connection is closed then. It
// calls c.Idle after each unit of work, when the last byte of the answer is written. If it
// reads through a buffer (bufio), where the next unit may lie already, or has other
// goroutines work while it reads on, it calls c.Begin for each unit that has arrived: else
// a drain takes the connection for idle in the midst of that. See Conn.FollowReads for
// what a drain does to it.
type RawHandler func(ctx context.Context, c RawConn)

var _ RawConn = (*Conn)(nil)
