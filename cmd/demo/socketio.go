package main

import (
	"log/slog"
	"net/http"

	"github.com/godrain/drain/internal/socketio"
)

// sessions serves Socket.IO on /socket.io/, for all HTTP servers of the demo: the
// event "count" is answered with its first argument, "chat" goes back to the
// client that sent it.
func sessions(logger *slog.Logger) *socketio.Server {
	s := socketio.New(socketio.Options{Origins: []string{"*"}, Logger: logger})
	s.Of("/").OnConnection(func(k *socketio.Socket) {
		k.On("count", func(args []any, ack func(...any)) {
			if len(args) > 0 {
				ack(args[0])
			}
		})
		k.On("chat", func(args []any, _ func(...any)) { _ = k.Emit("chat", args...) })
	})
	return s
}

// withSessions serves what the Socket.IO server wants, and the rest by next.
func withSessions(s *socketio.Server, next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", s)
	mux.Handle("/", next)
	return mux
}
