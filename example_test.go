package drain_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain"
	"github.com/godrain/drain/actors"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

// The program that most people need: it serves until SIGTERM, SIGINT or the end
// of ctx, and drains.
func ExampleRun() {
	ctx, cancel := context.WithCancel(context.Background())
	slog.SetLogLoggerLevel(slog.LevelError) // quiet, for the example

	srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.FileServer(http.Dir("."))}
	srv.BaseContext = func(ln net.Listener) context.Context {
		if _, ok := ln.(*net.TCPListener); ok { // it serves
			cancel() // a signal, in real life
		}
		return context.Background()
	}
	report, err := drain.Run(ctx, servers.HTTP(srv))

	fmt.Println(report.Reason, err)
	// Output: context: context canceled <nil>
}

// Start returns a handle: for a program that shuts down on its own terms.
func ExampleConfig_Start() {
	srv := &http.Server{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	})}
	h, err := drain.Config{
		Timeout: 10 * time.Second,
		Signals: []os.Signal{}, // none
		Logger:  slog.New(slog.DiscardHandler),
	}.Start(context.Background(), servers.HTTP(srv))
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := http.Get("http://" + h.Addrs()["http"])
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()

	report, err := h.Shutdown(context.Background())
	fmt.Println(string(body), report.Sum().Killed, err)
	// Output: hello 0 <nil>
}

// A handler that streams watches the drain signal, and says goodbye itself.
func ExampleDraining() {
	_ = func(w http.ResponseWriter, r *http.Request) {
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		for {
			select {
			case t := <-ticks.C:
				fmt.Fprintln(w, t)
				_ = http.NewResponseController(w).Flush()
			case <-drain.Draining(r.Context()):
				fmt.Fprintln(w, "come back in a moment")
				return
			}
		}
	}
}

// consumer is an actor of your own that must finish what it has begun: it
// answers Shutdown with Drained.
type consumer struct{}

func (c *consumer) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case messages.Shutdown:
		fmt.Println("consumer: last message handled before", msg.Deadline.After(time.Now()))
		ctx.Respond(messages.Drained{Child: ctx.Self()})
	}
}

// service is your actor: the tree is its child, beside whatever else it has.
type service struct {
	root *actor.PID
	done chan messages.Report
}

func (s *service) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		srv := &http.Server{Addr: "127.0.0.1:0"}
		s.root = ctx.Spawn(actors.Root(actors.Config{},
			actors.Managed(servers.HTTP(srv)),
			actors.Custom("consumer", actor.PropsFromProducer(func() actor.Actor { return &consumer{} })),
		))
	case string: // "stop"
		ctx.Request(s.root, messages.Shutdown{Reason: msg})
	case messages.Report:
		s.done <- msg
		ctx.Stop(ctx.Self()) // only now: a stop from above is no drain
	}
}

// A service made of actors spawns the tree as a child, adds children of its own
// kind, and gets the Report as a message.
func Example_actors() {
	system := actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
		actor.WithDeadLetterThrottleInterval(time.Millisecond), // its goroutine outlives the system
	)
	s := &service{done: make(chan messages.Report, 1)}
	pid := system.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return s }))
	system.Root.Send(pid, "enough for today")
	report := <-s.done
	fmt.Println(report.Reason, len(report.Servers), report.Err())
	// Output:
	// consumer: last message handled before true
	// enough for today 2 <nil>
}
