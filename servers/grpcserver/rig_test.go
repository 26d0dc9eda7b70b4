package grpcserver_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers/grpcserver"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/asynkron/protoactor-go/actor.NewDeadLetter.NewThrottle.func4.1"))
}

// text is the message of the test's service.
type text = wrapperspb.StringValue

// echo is a service: Say answers, Chat is a stream of the server's.
type echo struct {
	say  func(ctx context.Context, in string) (string, error)
	chat func(in string, s grpc.ServerStream) error
	said sync.Map // what Say was called with
}

var description = grpc.ServiceDesc{
	ServiceName: "drain.Echo", HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(srv any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var in text
		if err := dec(&in); err != nil {
			return nil, err
		}
		e := srv.(*echo)
		e.said.Store(in.Value, true)
		if e.say == nil {
			return &in, nil
		}
		out, err := e.say(ctx, in.Value)
		return wrapperspb.String(out), err
	}}},
	Streams: []grpc.StreamDesc{{StreamName: "Chat", ServerStreams: true, Handler: func(srv any, s grpc.ServerStream) error {
		var in text
		if err := s.RecvMsg(&in); err != nil {
			return err
		}
		return srv.(*echo).chat(in.Value, s)
	}}},
}

func (e *echo) server(options grpcserver.Options, own ...grpc.ServerOption) *grpcserver.Server {
	if options.Addr == "" {
		options.Addr = "127.0.0.1:0"
	}
	return grpcserver.New(func(ours ...grpc.ServerOption) *grpc.Server {
		srv := grpc.NewServer(append(own, ours...)...)
		srv.RegisterService(&description, e)
		return srv
	}, options)
}

func start(t *testing.T, timeout time.Duration, s drain.Server) *drain.Handle {
	t.Helper()
	c := drain.Config{Timeout: timeout, Logger: slog.New(slog.DiscardHandler)}
	c.IdleGrace, c.Linger = 200*time.Millisecond, 200*time.Millisecond
	h, err := c.Start(context.Background(), s)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = h.ForceShutdown(context.Background()) })
	return h
}

func dial(t *testing.T, addr string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	if len(options) == 0 {
		options = []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	}
	cc, err := grpc.NewClient("passthrough:///"+addr, append(options, grpc.WithDisableRetry())...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

func say(cc *grpc.ClientConn, what string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var out text
	err := cc.Invoke(ctx, "/drain.Echo/Say", wrapperspb.String(what), &out)
	return out.Value, err
}

func chat(t *testing.T, cc *grpc.ClientConn, what string) grpc.ClientStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	s, err := cc.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/drain.Echo/Chat")
	require.NoError(t, err)
	require.NoError(t, s.SendMsg(wrapperspb.String(what)))
	require.NoError(t, s.CloseSend())
	return s
}

func hear(s grpc.ClientStream) (string, error) {
	var out text
	err := s.RecvMsg(&out)
	return out.Value, err
}

func shutdown(h *drain.Handle) drain.Report {
	r, _ := h.Shutdown(context.Background())
	return r
}

// transport is how gRPC's bytes travel.
type transport struct {
	options grpcserver.Options
	server  []grpc.ServerOption
	client  []grpc.DialOption
}

func transports(t *testing.T) map[string]transport {
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	t.Cleanup(web.Close)
	ours := &tls.Config{Certificates: web.TLS.Certificates}
	theirs := grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}))
	return map[string]transport{
		"plain":           {},
		"TLS":             {options: grpcserver.Options{TLSConfig: ours}, client: []grpc.DialOption{theirs}},
		"own credentials": {grpcserver.Options{OwnCredentials: true}, []grpc.ServerOption{grpc.Creds(credentials.NewTLS(ours))}, []grpc.DialOption{theirs}},
	}
}
