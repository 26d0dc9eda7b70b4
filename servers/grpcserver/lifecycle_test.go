package grpcserver_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/godrain/drain"
	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers/grpcserver"
)

// held is an echo whose Say waits, once it has begun, until finish is closed.
func held() (e *echo, begun chan string, finish chan struct{}) {
	begun, finish = make(chan string, 8), make(chan struct{})
	return &echo{say: func(_ context.Context, in string) (string, error) {
		begun <- in
		<-finish
		return in, nil
	}}, begun, finish
}

// later makes a call; its end is in the channel.
func later(cc *grpc.ClientConn) <-chan error {
	end := make(chan error, 1)
	go func() {
		_, err := say(cc, "x")
		end <- err
	}()
	return end
}

// ended is the Report of a tree that ends by itself.
func ended(t *testing.T, h *drain.Handle) (drain.Report, error) {
	t.Helper()
	select {
	case <-h.Done():
	case <-time.After(10 * time.Second):
		require.Fail(t, "nothing has ended it")
	}
	return h.Wait()
}

func draining(h *drain.Handle) func() bool {
	return func() bool { return h.Gauges().Vitals().Phase == messages.PhaseDraining }
}

func TestASuspendedServerSaysGoodbyeInADrain(t *testing.T) {
	for name, c := range transports(t) {
		t.Run(name, func(t *testing.T) {
			e, begun, finish := held()
			h := start(t, 5*time.Second, e.server(c.options, c.server...))
			busy, idle := dial(t, h.Addrs()["grpc"], c.client...), dial(t, h.Addrs()["grpc"], c.client...)
			first := later(idle)
			<-begun
			finish <- struct{}{}
			require.NoError(t, <-first)
			second := later(busy)
			<-begun
			require.NoError(t, h.Suspend(t.Context(), "grpc"))
			done := make(chan drain.Report, 1)
			go func() { done <- shutdown(h) }()
			require.Eventually(t, draining(h), 5*time.Second, time.Millisecond)
			close(finish)
			require.NoError(t, <-second)
			r := <-done
			require.NoError(t, r.Err(), r)
			require.Equal(t, 2, r.Sum().Drained, r)
			require.Less(t, r.Took, time.Second)
		})
	}
}

func TestADrainThatCrossesASuspendIsOne(t *testing.T) {
	for i := range 5 {
		h := start(t, 5*time.Second, new(echo).server(grpcserver.Options{}))
		cc := dial(t, h.Addrs()["grpc"])
		_, err := say(cc, "x")
		require.NoError(t, err)
		suspended := make(chan error, 1)
		go func() { suspended <- h.Suspend(context.Background(), "grpc") }()
		<-time.After(time.Duration(i) * 6 * time.Millisecond) // when it comes is the subject
		r := shutdown(h)
		<-suspended
		require.NoError(t, r.Err(), r)
		require.Less(t, r.Took, time.Second)
		_ = cc.Close()
	}
}

// free is an address that nobody listens on: whoever asks for any port may get another
// one when it is resumed.
func free(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return ln.Addr().String()
}

func TestAResumeThatFailedMayBeTriedAgain(t *testing.T) {
	h := start(t, 5*time.Second, new(echo).server(grpcserver.Options{Addr: free(t)}))
	addr := h.Addrs()["grpc"]
	require.NoError(t, h.Suspend(t.Context(), "grpc"))
	taken, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	for range 2 {
		require.Error(t, h.Resume(t.Context(), "grpc"))
	}
	require.NoError(t, taken.Close())
	require.NoError(t, h.Resume(t.Context(), "grpc"))
	_, err = say(dial(t, addr), "x")
	require.NoError(t, err)
	require.NoError(t, shutdown(h).Err())
}

func TestASecondTreeIsTurnedAway(t *testing.T) {
	e, begun, finish := held()
	s := e.server(grpcserver.Options{})
	h := start(t, 5*time.Second, s)
	turnedAway := func() {
		c := drain.Config{Logger: slog.New(slog.DiscardHandler)}
		_, err := c.Start(context.Background(), s)
		require.ErrorContains(t, err, "already")
	}
	turnedAway()
	call := later(dial(t, h.Addrs()["grpc"]))
	<-begun
	require.NoError(t, h.Suspend(t.Context(), "grpc"))
	turnedAway()
	require.NoError(t, h.Resume(t.Context(), "grpc"))
	require.NoError(t, h.Suspend(t.Context(), "grpc"))
	done := make(chan drain.Report, 1)
	go func() { done <- shutdown(h) }()
	require.Eventually(t, draining(h), 5*time.Second, time.Millisecond)
	turnedAway()
	close(finish)
	require.NoError(t, <-call)
	require.NoError(t, (<-done).Err())
}

// slow is a server whose builder waits until it may go on.
func slow(e *echo) (s *grpcserver.Server, building, build chan struct{}) {
	building, build = make(chan struct{}), make(chan struct{})
	return grpcserver.New(func(ours ...grpc.ServerOption) *grpc.Server {
		close(building)
		<-build
		srv := grpc.NewServer(ours...)
		srv.RegisterService(&description, e)
		return srv
	}, grpcserver.Options{Addr: "127.0.0.1:0"}), building, build
}

func TestAServerMayBeKilledWhileItIsBuilt(t *testing.T) {
	s, building, build := slow(new(echo))
	h := start(t, 400*time.Millisecond, s)
	<-building
	_, err := h.ForceShutdown(t.Context())
	require.ErrorContains(t, err, "its Serve had not returned by the deadline")
	require.True(t, s.Managed(), "what is being built is not released")
	close(build)
	require.Eventually(t, func() bool { return !s.Managed() }, 5*time.Second, time.Millisecond)
}

// What the kernel has accepted meanwhile is served once it is built.
func TestAServerMayBeDrainedWhileItIsBuilt(t *testing.T) {
	s, building, build := slow(new(echo))
	h := start(t, 5*time.Second, s)
	<-building
	connected := make(chan struct{}, 1)
	call := later(dial(t, h.Addrs()["grpc"], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(_ context.Context, addr string) (net.Conn, error) {
			nc, err := net.Dial("tcp", addr)
			connected <- struct{}{}
			return nc, err
		})))
	<-connected
	done := make(chan drain.Report, 1)
	go func() { done <- shutdown(h) }()
	require.Eventually(t, draining(h), 5*time.Second, time.Millisecond)
	close(build)
	require.NoError(t, <-call)
	r := <-done
	require.NoError(t, r.Err(), r)
	require.Equal(t, 1, r.Sum().Drained)
}

// A grpc.Server that its user stops serves nothing any more: its tree is not left with a
// listener behind which nobody is.
func TestAServerThatItsUserStopsIsDrained(t *testing.T) {
	for name, stop := range map[string]func(*grpc.Server){
		"GracefulStop": (*grpc.Server).GracefulStop,
		"Stop":         (*grpc.Server).Stop,
	} {
		t.Run(name, func(t *testing.T) {
			e, begun, finish := held()
			var srv *grpc.Server
			h := start(t, 5*time.Second, grpcserver.New(func(ours ...grpc.ServerOption) *grpc.Server {
				srv = grpc.NewServer(ours...)
				srv.RegisterService(&description, e)
				return srv
			}, grpcserver.Options{Addr: "127.0.0.1:0"}))
			call := later(dial(t, h.Addrs()["grpc"]))
			<-begun
			go stop(srv)
			require.Eventually(t, func() bool {
				s, err := h.Status(t.Context())
				return err == nil && s.Servers[0].Phase == messages.PhaseDraining
			}, 5*time.Second, time.Millisecond)
			if name == "Stop" {
				require.Error(t, <-call)
				close(finish)
			} else {
				close(finish)
				require.NoError(t, <-call)
			}
			r, err := ended(t, h)
			if name == "Stop" {
				require.ErrorIs(t, err, drain.ErrCut, r)
				require.Equal(t, 1, r.Sum().Lost, r)
				return
			}
			require.NoError(t, err, r)
		})
	}
}

func TestAServerThatWasStoppedBeforeIsNotServed(t *testing.T) {
	stopped := grpc.NewServer()
	stopped.Stop()
	for srv, says := range map[*grpc.Server]string{stopped: "stopped before", nil: "nil"} {
		c := drain.Config{Logger: slog.New(slog.DiscardHandler)}
		h, err := c.Start(context.Background(), grpcserver.Wrap(srv, grpcserver.Options{Addr: "127.0.0.1:0"}))
		if err == nil { // or it has ended before it could be told that it has begun
			_, err = ended(t, h)
		}
		require.ErrorContains(t, err, says)
	}
}

// It is stopped while nobody listens: whoever opens the listener again hears of it.
func TestAServerThatWasStoppedWhileSuspendedIsNotResumed(t *testing.T) {
	srv := grpc.NewServer()
	h := start(t, 5*time.Second, grpcserver.Wrap(srv, grpcserver.Options{Addr: "127.0.0.1:0"}))
	require.NoError(t, h.Suspend(t.Context(), ""))
	srv.GracefulStop()
	require.NoError(t, h.Resume(t.Context(), ""))
	_, err := ended(t, h)
	require.ErrorContains(t, err, "stopped before")
}
