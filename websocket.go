package drain

import (
	"context"
	"net"

	"github.com/godrain/drain/conns"
)

// WebSocket is what a handler may say about its WebSocket to the drain: its own
// close code, Busy and Done, a last message. None of it is needed.
type WebSocket = conns.WebSocket

// ErrClosing is what a handler gets that writes a message after the close frame
// of the drain. It is an ErrDraining too.
var ErrClosing = conns.ErrClosing

// WebSocketOf finds the WebSocket under a library's connection that has NetConn:
// gorilla's, gws's, a net.Conn from Hijack.
func WebSocketOf(conn interface{ NetConn() net.Conn }) WebSocket { return conns.WebSocketOf(conn) }

// WebSocketFrom finds the WebSocket by the context of its request, once it has
// been upgraded: for libraries that do not show their net.Conn.
func WebSocketFrom(ctx context.Context) WebSocket { return conns.WebSocketFrom(ctx) }
