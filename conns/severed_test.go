package conns

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// A request whose handler returns when the deadline has cancelled it, and who had looked
// at its context, or let others look, was cut. Whoever has not looked, and answers before
// the kill, has lost nothing; nor has a stream that a drain has ended in time.
func TestWhoeverGivesUpAtTheDeadlineHasLostHisRequest(t *testing.T) {
	protocols := map[string]func(t *testing.T, c *Conn, handler func(ctx context.Context)){
		"HTTP/1": func(_ *testing.T, c *Conn, handler func(ctx context.Context)) {
			c.FollowNetHTTP()
			u := new(Unit)
			ctx := u.NetHTTPContext(c, context.Background())
			c.step(gotHeader)
			c.Begin(u)
			handler(ctx)
			c.Return(true)
			c.Idle()
			_ = c.Close()
		},
		"HTTP/2": func(_ *testing.T, c *Conn, handler func(ctx context.Context)) {
			h, s := c.Multiplex(nil), new(Stream)
			ctx := s.Context(c, c.Context(context.Background()))
			h.Start(s)
			handler(ctx)
			h.Done(s, true)
			_ = h.Close()
		},
		"raw": func(t *testing.T, c *Conn, handler func(ctx context.Context)) {
			c.FollowReads()
			require.NoError(t, c.Serve(func(ctx context.Context, c RawConn) {
				c.Begin(new(Unit))
				handler(ctx)
			}))
		},
	}
	for _, h := range []struct {
		name   string
		handle func(ctx context.Context, c *Conn)
		lost   bool
	}{
		{"waits for it", func(ctx context.Context, c *Conn) { go c.Cancel(); <-ctx.Done() }, true},
		{"asks afterwards", func(ctx context.Context, c *Conn) { c.Cancel(); _ = ctx.Err() }, true},
		{"has handed it on", func(ctx context.Context, c *Conn) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			c.Cancel()
			<-ctx.Done()
		}, true},
		{"does not look", func(_ context.Context, c *Conn) { c.Cancel() }, false},
		{"asks only before", func(ctx context.Context, c *Conn) { _ = ctx.Err(); c.Cancel() }, false},
		{"was told in time", func(ctx context.Context, c *Conn) { c.CancelContext(ErrDraining); <-ctx.Done(); c.Cancel() }, false},
		{"is over by then", func(ctx context.Context, _ *Conn) { _ = ctx.Done() }, false},
	} {
		for name, serve := range protocols {
			t.Run(name+", "+h.name, func(t *testing.T) {
				here, there := net.Pipe()
				defer func() { _ = there.Close() }()
				c, v := New(NewGroup("test", Settings{}), here), verdicts{told: make(chan verdict, 1)}
				c.Own(v)
				serve(t, c, func(ctx context.Context) { h.handle(ctx, c) })
				require.Equal(t, verdict{messages.OutcomeDrained, h.lost}, <-v.told)
			})
		}
	}
}

// Each stream that is cut is a request lost, those that gave up before the kill too; and
// a server that closes over an open one has not crashed.
func TestH2CountsTheRequestsThatItCuts(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(h *H2)
		want messages.Outcome
	}{
		{"killed", func(h *H2) { h.Kill() }, messages.OutcomeKilled},
		{"closed by its server", func(h *H2) { _ = h.Close() }, messages.OutcomeDrained},
	} {
		t.Run(c.name, func(t *testing.T) {
			here, there := net.Pipe()
			defer func() { _ = there.Close() }()
			conn, o := New(NewGroup("test", Settings{}), here), counted{verdicts{told: make(chan verdict, 1)}, make(chan int, 1)}
			conn.Own(o)
			h := conn.Multiplex(nil)
			ctx := conn.Context(context.Background())
			var streams [3]Stream
			for i := range streams {
				h.headers(uint32(2*i + 1))
				streams[i].Path = string(rune('a' + i))
				_ = streams[i].Context(conn, ctx).Done()
				h.Start(&streams[i])
			}
			conn.Cancel()
			h.Done(&streams[1], true)
			h.end(3, h2BothEnded)
			c.end(h)
			require.Equal(t, 3, <-o.lost)
			require.Equal(t, verdict{c.want, true}, <-o.told)
			require.Equal(t, "b", conn.Snapshot().Request)
		})
	}
}

// counted is an owner that hears how many requests were lost.
type counted struct {
	verdicts
	lost chan int
}

func (c counted) Ended(o messages.Outcome, lost int) {
	c.lost <- lost
	c.verdicts.Ended(o, lost)
}
