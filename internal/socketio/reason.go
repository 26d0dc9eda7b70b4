package socketio

import "github.com/gorilla/websocket"

// Reason says why a socket has disconnected, in the words of the reference
// implementation where it has them.
type Reason string

// The reasons that OnDisconnect hears.
const (
	// ClientLeft: the client sent a DISCONNECT packet.
	ClientLeft Reason = "client namespace disconnect"
	// ServerLeft: Socket.Disconnect was called.
	ServerLeft Reason = "server namespace disconnect"
	// TransportClose: the client closed its session or its connection.
	TransportClose Reason = "transport close"
	// TransportError: overlapping requests, a broken poll, an oversized body.
	TransportError Reason = "transport error"
	// PingTimeout: the client did not answer a ping.
	PingTimeout Reason = "ping timeout"
	// ParseError: the client sent what is no valid packet.
	ParseError Reason = "parse error"
	// QueueFull: the client did not fetch what was sent to it.
	QueueFull Reason = "send queue full"
	// HandlerPanic: a handler of this session panicked.
	HandlerPanic Reason = "handler panic"
	// ShuttingDown: CloseSessions said goodbye.
	ShuttingDown Reason = "server shutting down"
	// Killed: CloseSessions ran out of time.
	Killed Reason = "killed"
)

// closeCode is the WebSocket close code that tells the reason; 0 means that a
// close frame has gone out already, or that the peer would not read one.
func (r Reason) closeCode() int {
	switch r {
	case ParseError:
		return websocket.CloseProtocolError
	case HandlerPanic:
		return websocket.CloseInternalServerErr
	case TransportClose, TransportError:
		return websocket.CloseNormalClosure
	default:
		return 0
	}
}

// abrupt says that the connection is cut: the peer is gone or does not read, or
// time is up.
func (r Reason) abrupt() bool { return r == PingTimeout || r == QueueFull || r == Killed }
