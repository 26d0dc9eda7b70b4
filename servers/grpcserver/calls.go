package grpcserver

import (
	"context"

	"google.golang.org/grpc/stats"

	"github.com/godrain/drain/conns"
)

// calls is the stats.Handler that makes each call a unit of work.
type calls struct{ service *service }

type callKey struct{}

// call is a call in progress.
type call struct {
	stream conns.Stream
	conn   *conns.H2 // nil if gRPC's own credentials hide the streams
}

// TagConn implements stats.Handler: the contexts of all calls on a connection
// derive from what it returns.
func (h calls) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	c, ok := h.service.peers.LoadAndDelete(info.RemoteAddr)
	if !ok {
		return ctx
	}
	return c.(*conns.Conn).Context(ctx)
}

// HandleConn implements stats.Handler.
func (calls) HandleConn(context.Context, stats.ConnStats) {}

// TagRPC implements stats.Handler. It is no beginning: a call of a method that is not
// registered is tagged, and then neither begins nor ends.
func (calls) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	c := conns.FromContext(ctx)
	if c == nil {
		return ctx
	}
	k := &call{conn: c.H2(), stream: conns.Stream{Unit: conns.Unit{Path: info.FullMethodName}}}
	return context.WithValue(k.stream.Context(c, ctx), callKey{}, k)
}

// HandleRPC implements stats.Handler.
func (calls) HandleRPC(ctx context.Context, s stats.RPCStats) {
	switch s.(type) {
	case *stats.Begin:
		if k, ok := ctx.Value(callKey{}).(*call); ok {
			k.begin()
		}
	case *stats.End:
		if k, ok := ctx.Value(callKey{}).(*call); ok {
			k.end()
		}
	}
}

func (k *call) begin() {
	if k.conn != nil {
		k.conn.Start(&k.stream)
	}
}

func (k *call) end() {
	if k.conn == nil {
		k.stream.End()
		return
	}
	k.conn.Done(&k.stream, true)
}
