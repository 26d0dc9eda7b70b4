package main

import (
	_ "embed"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/servers/wsactor"
)

// The chat is a complete example of servers/wsactor: its room is an actor.

//go:embed chat.html
var chatPage []byte

// chat has one room for all servers of the process, and for all starts.
var chat = sync.OnceValue(func() http.Handler {
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	room := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &room{people: make(map[*wsactor.Session]string)}
	}))
	return wsactor.New(system, wsactor.Options{
		Actor: room, MaxMessage: 4 << 10,
		Overflow: wsactor.DropOldest, // who reads slowly misses something, and stays
	})
})

func chats(mux *http.ServeMux) {
	mux.HandleFunc("GET /chat", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(chatPage)
	})
	mux.Handle("GET /chat/room", chat())
}

// room is the actor of the chat room: who is here, and what was said last. What a
// client sends first is its name.
type room struct {
	people map[*wsactor.Session]string // the name is empty until it is known
	said   []line                      // for who comes later
}

// line is what clients are sent.
type line struct {
	From string `json:"from,omitempty"` // empty: the room itself
	Text string `json:"text"`
	Here int    `json:"here"`
}

// remembered is how many lines a newcomer is shown.
const remembered = 20

// Receive implements actor.Actor.
func (r *room) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case wsactor.Opened:
		r.people[m.Session] = ""
	case *wsactor.Message:
		if name := r.people[m.Session]; name == "" {
			r.welcome(ctx, m.Session, string(m.Data))
		} else {
			r.say(ctx, line{From: name, Text: string(m.Data)})
		}
	case wsactor.Closed:
		name := r.people[m.Session]
		delete(r.people, m.Session)
		if name != "" {
			r.say(ctx, line{Text: name + " has left"})
		}
	}
}

func (r *room) welcome(ctx actor.Context, s *wsactor.Session, name string) {
	if name = clip(name); name == "" {
		ctx.Send(s.PID(), wsactor.Bye{Code: 1008, Reason: "a name, please"})
		return
	}
	r.people[s] = name
	for _, l := range r.said {
		ctx.Send(s.PID(), encode(l))
	}
	r.say(ctx, line{Text: name + " is here"})
}

// say tells everybody, and remembers what people have said.
func (r *room) say(ctx actor.Context, l line) {
	l.Here = len(r.people)
	if l.From != "" {
		r.said = append(r.said, l)
		r.said = r.said[max(0, len(r.said)-remembered):]
	}
	text := encode(l)
	for s, name := range r.people {
		if name != "" {
			ctx.Send(s.PID(), text)
		}
	}
}

func encode(l line) wsactor.Text {
	b, _ := json.Marshal(l)
	return wsactor.Text(b)
}

// clip keeps a name short.
func clip(name string) string {
	letters := []rune(name)
	return string(letters[:min(len(letters), 30)])
}
