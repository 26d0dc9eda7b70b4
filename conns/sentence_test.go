package conns

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// verdicts is an owner that hears how its connection has ended.
type verdicts struct {
	deaf
	told chan verdict
}

type verdict struct {
	outcome messages.Outcome
	lost    bool
}

func (v verdicts) Ended(o messages.Outcome, lost int) { v.told <- verdict{o, lost > 0} }

// A connection whose handler has panicked lingers like any other. The deadline, which
// finds it waiting for the peer's FIN, does not make an orderly end of that.
func TestACrashThatLingersAtTheDeadlineIsACrash(t *testing.T) {
	serve := map[string]func(c *Conn){
		"raw": func(c *Conn) {
			c.FollowReads()
			go func() {
				_ = c.Serve(func(_ context.Context, c RawConn) {
					_, _ = c.Read(make([]byte, 64))
					panic("in the middle of a unit")
				})
			}()
		},
		"HTTP/2": func(c *Conn) {
			h := c.FollowHTTP2()
			h.panicked.Store(true)
			go func() {
				_, _ = c.net.Read(make([]byte, 64))
				_ = h.Close()
			}()
		},
	}
	for name, f := range serve {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, peer := net.Pipe()
				defer func() { _ = peer.Close() }()
				g := NewGroup("test", Settings{Linger: time.Hour, IdleGrace: time.Hour})
				c, v := New(g, ours), verdicts{told: make(chan verdict, 1)}
				c.Own(v)
				g.Drain(time.Now().Add(time.Minute))
				f(c)
				_, err := io.WriteString(peer, "work")
				require.NoError(t, err)
				synctest.Wait() // it lingers
				require.True(t, c.has(closing))
				require.Empty(t, v.told)
				c.Kill()
				require.Equal(t, verdict{messages.OutcomeCrashed, true}, <-v.told)
			})
		})
	}
}
