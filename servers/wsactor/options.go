package wsactor

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/gorilla/websocket"
)

// Options of a Handler. One of Actor and Func is needed.
type Options struct {
	// Actor receives Opened, *Message and Closed of every session. When it ends, they do,
	// with 1011. It may receive an *actor.Touch too, which the framework answers.
	Actor *actor.PID
	// Func is called with each message instead, in the goroutine that reads: while
	// it runs, nothing more is read from this socket. The message's Data is valid
	// until it returns. A panic is logged, and closes the session with 1011.
	Func func(*Message)

	// Window is how many messages of one session the Actor may have waiting: beyond
	// them its socket is not read, and TCP slows the client down. A message is
	// handled when Receive has returned, and lost if it has panicked: its place comes back
	// when the window is full, unless Actor is a router. Default 8.
	Window int
	// MaxMessage is the size of the largest message that is read, in bytes; a larger
	// one closes the session with 1009. Default 1 MiB.
	MaxMessage int64
	// Queue is how many messages may wait to be written to one session; what happens
	// beyond them, Overflow says. Default 64.
	Queue    int
	Overflow Overflow

	// PingInterval is after how much silence a client is sent a ping; one that has
	// been silent for two of them is taken for gone. Default 30 s; negative: never.
	PingInterval time.Duration
	// WriteTimeout is how long writing one message may take, and up to a quarter more;
	// then the session ends. Default 10 s.
	WriteTimeout time.Duration

	// Upgrader does the handshake: the check of the origin, subprotocols,
	// compression. Its buffers are not used. Default: the zero Upgrader, which lets
	// only pages of the same host in.
	Upgrader websocket.Upgrader
}

// Overflow is what happens to a message for a session whose Queue is full: its
// client does not read as fast as you send.
type Overflow uint8

const (
	// Close ends the session with 1013 (try again later).
	Close Overflow = iota
	// DropOldest throws the oldest waiting message away.
	DropOldest
	// Block makes whoever calls Session.Send wait. An actor must not wait, and what
	// it sends to the PID beyond the bound closes the session, as Close does.
	Block
)

// readBuffer is for small messages and frame headers: larger payloads are read past
// it.
const readBuffer = 128

func (o Options) withDefaults() Options {
	if o.Window <= 0 {
		o.Window = 8
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = 1 << 20
	}
	if o.Queue <= 0 {
		o.Queue = 64
	}
	if o.PingInterval == 0 {
		o.PingInterval = 30 * time.Second
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 10 * time.Second
	}
	o.Upgrader.ReadBufferSize = readBuffer
	o.Upgrader.WriteBufferSize = 4 << 10
	o.Upgrader.WriteBufferPool = writeBuffers
	return o
}
