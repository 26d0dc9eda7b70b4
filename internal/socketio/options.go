package socketio

import (
	"log/slog"
	"time"
)

// Options sets a Server up. The zero value works. A duration or a size of 0
// means its default.
type Options struct {
	// PingInterval is the time between a pong and the next ping; 25 s.
	PingInterval time.Duration
	// PingTimeout is how long the client's pong may take; 20 s.
	PingTimeout time.Duration
	// ConnectTimeout ends a session that has joined no namespace by then; 45 s.
	ConnectTimeout time.Duration
	// UpgradeTimeout ends an upgrade to WebSocket that got stuck; 10 s. The
	// session goes on over polling.
	UpgradeTimeout time.Duration
	// WriteTimeout is how long one WebSocket write may take; 10 s.
	WriteTimeout time.Duration

	// Linger is how long CloseSessions waits for the next poll of a session
	// that is between two polls; 1 s. Negative: not at all.
	Linger time.Duration
	// CloseTimeout is how long CloseSessions waits for a peer to answer the
	// WebSocket close frame; 5 s. Negative: not at all.
	CloseTimeout time.Duration

	// MaxPayload is the largest body or WebSocket message taken from a client;
	// 1 MB. Clients learn it in the handshake.
	MaxPayload int64
	// SendQueue is how many packets may wait for a client that does not fetch
	// them; 4096. One more ends the session.
	SendQueue int
	// Backlog is how many received events may wait for their handlers; 256.
	// More are left with the client: its POST is not answered, its WebSocket
	// not read.
	Backlog int

	// Origins lists what pages of other hosts may connect, as in
	// "https://example.org"; "*" means all of them. Requests of the own host
	// and of clients that send no Origin need no entry.
	Origins []string
	// Credentials lets the pages listed in Origins send cookies. It has no
	// effect on those that only "*" admits.
	Credentials bool

	// Logger hears of handlers that panic; nil means slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.PingInterval, 25*time.Second)
	setDefault(&o.PingTimeout, 20*time.Second)
	setDefault(&o.ConnectTimeout, 45*time.Second)
	setDefault(&o.UpgradeTimeout, 10*time.Second)
	setDefault(&o.WriteTimeout, 10*time.Second)
	setDefault(&o.Linger, time.Second)
	setDefault(&o.CloseTimeout, 5*time.Second)
	setDefault(&o.MaxPayload, 1_000_000)
	setDefault(&o.SendQueue, 4096)
	setDefault(&o.Backlog, 256)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
