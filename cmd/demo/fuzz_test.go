package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// FuzzFlags: a command line that is refused says which flag is wrong, and one that
// is not makes a configuration that starts, or whose error names what is wrong.
func FuzzFlags(f *testing.F) {
	for _, line := range []string{
		"", "-http\n\n-https=", "-timeout\n-1s", "-timeout=9999999h", "-idle-grace\nx", "-ready-delay=25s", "-max-conns=-1",
		"-close-code\n1005\n-spread=-1", "-log=xml", "-cert\nx", "-admin=\n-tcp\n127.0.0.1:0\n-grpc\n:0", "-help", "--", "-x", "x", "-\xff=\x00",
	} {
		f.Add(line)
	}
	show := newShow("text", io.Discard, io.Discard)
	system := actor.NewActorSystem(
		actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }),
		actor.WithDeadLetterThrottleInterval(time.Millisecond))
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\n")
		o, err := parse(args, io.Discard)
		if err != nil {
			if !strings.Contains(err.Error(), "-") && !strings.Contains(err.Error(), "flag") {
				t.Fatalf("%q: which flag is wrong? %v", args, err)
			}
			return
		}
		c := o.config(show)
		c.Signals, c.Subscribers, c.System = []os.Signal{}, nil, system
		h, err := c.Start(context.Background()) // the addresses are the machine's business
		if err == nil {
			_, err = h.ForceShutdown(context.Background())
			if err != nil {
				t.Fatalf("%q: %v", args, err)
			}
			return
		}
		for _, field := range []string{"ReadyDelay", "MaxConns", "CloseCode", "Spread"} {
			if strings.Contains(err.Error(), field) {
				return
			}
		}
		t.Fatalf("%q: which flag is wrong? %v", args, err)
	})
}
