package grpcserver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers/grpcserver"
)

func TestCallsInProgressFinish(t *testing.T) {
	for name, c := range transports(t) {
		t.Run(name, func(t *testing.T) {
			begun, finish := make(chan struct{}), make(chan struct{})
			e := &echo{say: func(_ context.Context, in string) (string, error) {
				close(begun)
				<-finish
				return in + "!", nil
			}}
			h := start(t, 5*time.Second, e.server(c.options, c.server...))
			cc := dial(t, h.Addrs()["grpc"], c.client...)
			answer := make(chan string)
			go func() {
				out, err := say(cc, "slow")
				answer <- fmt.Sprint(out, err)
			}()
			<-begun
			done := make(chan drain.Report)
			go func() { done <- shutdown(h) }()
			<-time.After(300 * time.Millisecond) // longer than the grace
			close(finish)
			require.Equal(t, "slow!<nil>", <-answer)
			r := <-done
			require.NoError(t, r.Err(), r)
			require.Equal(t, 1, r.Sum().Drained)
		})
	}
}

func TestStreamsHearOfTheDrain(t *testing.T) {
	e := &echo{chat: func(in string, s grpc.ServerStream) error {
		_ = s.SendMsg(wrapperspb.String("hello " + in))
		<-drain.Draining(s.Context())
		return s.SendMsg(wrapperspb.String("bye " + in))
	}}
	h := start(t, 5*time.Second, e.server(grpcserver.Options{}))
	s := chat(t, dial(t, h.Addrs()["grpc"]), "you")
	first, err := hear(s)
	require.NoError(t, err)
	require.Equal(t, "hello you", first)
	require.EqualValues(t, 1, h.Gauges().Servers()["grpc"].Busy)
	done := make(chan drain.Report)
	go func() { done <- shutdown(h) }()
	last, err := hear(s)
	require.NoError(t, err)
	require.Equal(t, "bye you", last)
	_, err = hear(s)
	require.ErrorIs(t, err, io.EOF)
	r := <-done
	require.NoError(t, r.Err(), r)
	require.Less(t, r.Took, time.Second)
}

// A call that waits for its context alone says so; whose credentials they are does not
// matter.
func TestACallCanBeInterrupted(t *testing.T) {
	for name, o := range transports(t) {
		t.Run(name, func(t *testing.T) {
			cause := make(chan error, 1)
			e := &echo{chat: func(_ string, s grpc.ServerStream) error {
				drain.Interruptible(s.Context())
				_ = s.SendMsg(wrapperspb.String("hello"))
				<-s.Context().Done()
				cause <- context.Cause(s.Context())
				return nil
			}}
			h := start(t, 5*time.Second, e.server(o.options, o.server...))
			s := chat(t, dial(t, h.Addrs()["grpc"], o.client...), "x")
			_, err := hear(s)
			require.NoError(t, err)
			r := shutdown(h)
			require.NoError(t, r.Err(), r)
			require.ErrorIs(t, <-cause, drain.ErrDraining)
		})
	}
}

func TestAStreamThatNeverEndsIsGoneByTheDeadlineAndNamed(t *testing.T) {
	e := &echo{chat: func(_ string, s grpc.ServerStream) error {
		_ = s.SendMsg(wrapperspb.String("hello"))
		<-s.Context().Done()
		return s.Context().Err()
	}}
	const timeout = 400 * time.Millisecond
	for name, h := range map[string]*drain.Handle{
		"drain": start(t, timeout, e.server(grpcserver.Options{})),
		"force": start(t, timeout, e.server(grpcserver.Options{})),
	} {
		s := chat(t, dial(t, h.Addrs()["grpc"]), "x")
		_, err := hear(s)
		require.NoError(t, err)
		var r drain.Report
		if name == "force" {
			r, _ = h.ForceShutdown(t.Context())
		} else {
			r = shutdown(h)
		}
		require.LessOrEqual(t, r.Took, timeout+50*time.Millisecond)
		_, err = hear(s)
		require.Error(t, err)
		sum := r.Sum()
		require.Equal(t, 0, sum.Running, r)
		if name == "force" {
			require.Equal(t, []int{1, 1}, []int{sum.Killed, sum.Lost}, r)
			require.Equal(t, "/drain.Echo/Chat", r.Servers[0].Stragglers[0].Request)
			require.Equal(t, "gRPC", r.Servers[0].Stragglers[0].Protocol)
		}
	}
}

func TestAHandlerThatIgnoresItsContextIsKilledAndNamed(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	begun := make(chan struct{})
	e := &echo{say: func(context.Context, string) (string, error) {
		close(begun)
		<-release
		return "", nil
	}}
	const timeout = 400 * time.Millisecond
	h := start(t, timeout, e.server(grpcserver.Options{}))
	cc := dial(t, h.Addrs()["grpc"])
	go func() { _, _ = say(cc, "x") }()
	<-begun
	r := shutdown(h)
	require.LessOrEqual(t, r.Took, timeout+50*time.Millisecond)
	require.ErrorIs(t, r.Err(), drain.ErrCut)
	sum := r.Sum()
	require.Equal(t, []int{1, 1, 1}, []int{sum.Killed, sum.Lost, sum.Running}, r)
	require.Equal(t, "/drain.Echo/Say", r.Servers[0].Stragglers[0].Request)
}

func TestIdleAndSilentConnectionsDontHoldItUp(t *testing.T) {
	e := &echo{}
	h := start(t, 5*time.Second, e.server(grpcserver.Options{}))
	cc := dial(t, h.Addrs()["grpc"])
	_, err := say(cc, "x")
	require.NoError(t, err)
	silent, err := net.Dial("tcp", h.Addrs()["grpc"])
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	require.Eventually(t, func() bool { return h.Gauges().Servers()["grpc"].Open == 2 }, 5*time.Second, time.Millisecond)
	r := shutdown(h)
	require.NoError(t, r.Err(), r)
	require.Less(t, r.Took, time.Second)
	require.EqualValues(t, 1, h.Gauges().Servers()["grpc"].Requests)
}

func TestServedAgainAndSuspended(t *testing.T) {
	s := (&echo{}).server(grpcserver.Options{MaxConns: 1})
	for range 3 {
		var h *drain.Handle
		require.Eventually(t, func() bool { // net/http and gRPC are released after the Report
			c := drain.Config{Timeout: 5 * time.Second, Logger: slog.New(slog.DiscardHandler)}
			var err error
			h, err = c.Start(context.Background(), s)
			return err == nil
		}, 5*time.Second, time.Millisecond)
		for range 2 {
			cc := dial(t, h.Addrs()["grpc"])
			_, err := say(cc, "x")
			require.NoError(t, err)
			require.NoError(t, h.Suspend(t.Context(), "grpc"))
			_, err = say(cc, "y")
			require.NoError(t, err)
			_ = cc.Close()
			require.NoError(t, h.Resume(t.Context(), "grpc"))
		}
		require.NoError(t, shutdown(h).Err())
	}
}

func TestWrap(t *testing.T) {
	e := &echo{}
	srv := grpc.NewServer()
	srv.RegisterService(&description, e)
	h := start(t, 5*time.Second, grpcserver.Wrap(srv, grpcserver.Options{Addr: "127.0.0.1:0", Name: "wrapped"}))
	_, err := say(dial(t, h.Addrs()["wrapped"]), "x")
	require.NoError(t, err)
	require.NoError(t, shutdown(h).Err())
}

// sent is a stats.Handler of a client: it knows whether a call has left it.
type sent struct{}

type sentKey struct{}

func (sent) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (sent) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if _, out := s.(*stats.OutPayload); out {
		ctx.Value(sentKey{}).(*atomic.Bool).Store(true)
	}
}
func (sent) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (sent) HandleConn(context.Context, stats.ConnStats)                       {}

// 64 clients that call as fast as they can and do not retry: a call fails only if
// it was never sent.
func TestNoCallIsLost(t *testing.T) {
	const clients = 64
	stops := 5
	if os.Getenv("DRAIN_LONG") != "" {
		stops = 50
	}
	var calls, refused atomic.Int64
	var took []time.Duration
	for stop := range stops {
		e := &echo{}
		h := start(t, 10*time.Second, e.server(grpcserver.Options{}))
		addr := h.Addrs()["grpc"]
		var failures sync.Map
		ended := make(chan struct{}, clients)
		var warm atomic.Int64
		warmed := make(chan struct{})
		for client := range clients {
			cc := dial(t, addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStatsHandler(sent{}))
			go func() {
				defer func() { ended <- struct{}{} }()
				for n := 0; ; n++ {
					var out text
					var left atomic.Bool
					what := fmt.Sprint(stop, "/", client, "/", n)
					ctx := context.WithValue(context.Background(), sentKey{}, &left)
					err := cc.Invoke(ctx, "/drain.Echo/Say", wrapperspb.String(what), &out)
					if err == nil && out.Value == what {
						calls.Add(1)
						if warm.Add(1) == 20*clients {
							close(warmed)
						}
						continue
					}
					_, executed := e.said.Load(what)
					never := status.Code(err) == codes.Unavailable && !executed &&
						(!left.Load() || strings.Contains(err.Error(), "connection refused"))
					if !never {
						failures.Store(what, err)
					}
					refused.Add(1)
					return
				}
			}()
		}
		<-warmed
		r := shutdown(h)
		took = append(took, r.Took)
		for range clients {
			<-ended
		}
		require.NoError(t, r.Err(), r)
		failures.Range(func(what, err any) bool {
			t.Errorf("%s: %v", what, err)
			return true
		})
	}
	t.Logf("%d stops, the longest %s: %d calls answered, 0 lost, %d never sent",
		stops, slices.Max(took), calls.Load(), refused.Load())
}

func TestSaysWhatIsWrong(t *testing.T) {
	bad := grpcserver.New(nil, grpcserver.Options{})
	_, err := bad.Bind(t.Context())
	require.Error(t, err)
	_, err = grpcserver.Wrap(nil, grpcserver.Options{TLSConfig: &tls.Config{}, OwnCredentials: true}).Bind(t.Context())
	require.ErrorContains(t, err, "OwnCredentials")
	require.NotNil(t, errors.Join(err))
}
