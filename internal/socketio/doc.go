// Package socketio is a minimal Socket.IO server: Engine.IO protocol 4 and
// Socket.IO protocol 5 (what socket.io-client 3.x and 4.x speak) on net/http
// and gorilla/websocket. It exists so that a graceful shutdown of Socket.IO
// can be tried against real clients.
//
// # Who owns what
//
// A session is one goroutine (session.run) that owns all of the session's state.
// Everything else sends to it, and it never blocks:
//
//	polling GET  ─ poll ────────►┐
//	polling POST ─ received ────►│         ┌─► answer of the pending GET
//	WebSocket reader ─ received ►│ session ├─► WebSocket writer
//	Socket.Emit, acks ─ act ────►│         └─► one handler at a time
//	CloseSessions ─ drainAsked ─►┘
//
// Handlers of one session run one after the other, in the order in which their
// events came, in a goroutine that lives only while there is a handler to run. A
// client that sends faster than its handlers work is held back: its POST is not
// answered and its WebSocket not read until the backlog shrinks.
//
// # Shutdown
//
// [Server.Refuse] turns new sessions away. [Server.CloseSessions] ends those that
// exist, and needs the listener still open. The handlers in progress and those of
// events already received finish, and their acks are sent. Then the goodbye goes out
// on the transport: a close packet in answer to the poll, or a close frame 1001 on
// WebSocket. It is never a Socket.IO DISCONNECT packet, which would make clients stay
// away. Clients see "transport close" and reconnect by themselves. [Server.Admit]
// lets sessions in again, if the same server is started once more.
//
// # Limits
//
// One process: no adapter, no rooms, no connection state recovery, no
// WebTransport, no per-message compression. Byte slices travel as binary
// attachments only in []any and map[string]any, not inside structs. Answering a poll
// may take PingInterval, so the http.Server's WriteTimeout, if set, must be longer.
package socketio
