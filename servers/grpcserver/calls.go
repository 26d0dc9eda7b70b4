package grpcserver

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/godrain/drain/conns"
)

// serverOptions are what a grpc.Server needs for its calls to be counted, named
// and told of a drain.
func (s *Server) serverOptions() []grpc.ServerOption {
	options := []grpc.ServerOption{grpc.StatsHandler(calls{s})}
	if !s.options.OwnCredentials {
		options = append(options, s.credentials())
	}
	return options
}

// calls is the stats.Handler that makes each call a unit of work.
type calls struct{ server *Server }

type callKey struct{}

// call is a call in progress.
type call struct {
	stream conns.Stream
	conn   *conns.H2 // nil if gRPC's own credentials hide the streams
}

// TagConn implements stats.Handler: the contexts of all calls on a connection
// derive from what it returns.
func (h calls) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	c, ok := h.server.peers.LoadAndDelete(info.RemoteAddr)
	if !ok {
		return ctx
	}
	return c.(*conns.Conn).Context(ctx)
}

// HandleConn implements stats.Handler.
func (calls) HandleConn(context.Context, stats.ConnStats) {}

// TagRPC implements stats.Handler.
func (calls) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	c := conns.FromContext(ctx)
	if c == nil {
		return ctx
	}
	k := &call{conn: c.H2(), stream: conns.Stream{Unit: conns.Unit{Path: info.FullMethodName}}}
	ctx = k.stream.Context(c, ctx)
	if k.conn != nil {
		k.conn.Start(&k.stream)
	}
	return context.WithValue(ctx, callKey{}, k)
}

// HandleRPC implements stats.Handler.
func (calls) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if _, over := s.(*stats.End); !over {
		return
	}
	switch k, ok := ctx.Value(callKey{}).(*call); {
	case !ok:
	case k.conn == nil:
		k.stream.End()
	default:
		k.conn.Done(&k.stream, true)
	}
}
