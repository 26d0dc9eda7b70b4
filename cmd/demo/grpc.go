package main

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers/grpcserver"
)

// demoService is two methods over well-known types, so that no code need be
// generated: Echo(StringValue) returns StringValue, Ticks(Empty) is a stream of
// Int64Value that ends when the drain begins.
var demoService = grpc.ServiceDesc{
	ServiceName: "drain.Demo", HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Echo", Handler: grpcEcho}},
	Streams: []grpc.StreamDesc{{StreamName: "Ticks", Handler: grpcTicks, ServerStreams: true}},
}

func calls(addr string) drain.Server {
	return grpcserver.New(func(options ...grpc.ServerOption) *grpc.Server {
		srv := grpc.NewServer(options...)
		srv.RegisterService(&demoService, nil)
		return srv
	}, grpcserver.Options{Addr: addr})
}

func grpcEcho(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var in wrapperspb.StringValue
	return &in, decode(&in)
}

func grpcTicks(_ any, s grpc.ServerStream) error {
	var in emptypb.Empty
	if err := s.RecvMsg(&in); err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := int64(1); ; n++ {
		select {
		case <-drain.Draining(s.Context()):
			return nil
		case <-s.Context().Done():
			return s.Context().Err()
		case <-tick.C:
			if err := s.SendMsg(wrapperspb.Int64(n)); err != nil {
				return err
			}
		}
	}
}
