package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/servers/wsactor"
)

// system is the one that sessions live in, and the tree with them.
var system = sync.OnceValue(func() *actor.ActorSystem {
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.NewTextHandler(io.Discard, nil))
	}))
})

// leanHandler is an echo in servers/wsactor.
func leanHandler() http.Handler {
	return wsactor.New(system(), wsactor.Options{
		Func: func(m *wsactor.Message) {
			_ = m.Session.Send(context.Background(), wsactor.Binary(append([]byte(nil), m.Data...)))
		},
	})
}
