package conns

import (
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// A request that net/http had in its buffer is handled while nothing but a
// background read is at the socket. That one is aborted when the handler returns, or
// hijacks; and it is no reader that waits for a first byte, whose connection may leave.
func TestBackgroundReadOfAPipelinedRequest(t *testing.T) {
	for _, drains := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ours, peer := net.Pipe()
			defer func() { _, _ = ours.Close(), peer.Close() }()
			c := New(NewGroup("test", Settings{IdleGrace: -1}), ours)
			c.FollowNetHTTP()
			c.Own(&witness{ended: make(chan messages.Outcome, 1)})
			go func() { _, _ = peer.Write([]byte("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")) }()
			_, err := c.Read(make([]byte, 4<<10))
			require.NoError(t, err)
			unit := &Unit{Method: "GET", Path: "/"}
			c.Begin(unit)
			c.Return(true)
			c.Idle()

			aborted := make(chan error)
			go func() {
				_, err := c.Read(make([]byte, 1))
				aborted <- err
			}()
			synctest.Wait()
			if drains {
				c.Leave()
				synctest.Wait()
			}
			require.Equal(t, rested, c.phase())
			c.Begin(unit)
			require.Equal(t, working, c.phase())
			require.False(t, c.MayAnnounceClose(0))
			require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
			require.ErrorIs(t, <-aborted, os.ErrDeadlineExceeded)
			c.Return(true)
		})
	}
}

// Servers that are not net/http wait for the next request with a Read of one byte, as
// fasthttp does to save memory: their connection is idle, and leaves.
func TestAReadOfOneByteMayWaitForTheNextRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, peer := net.Pipe()
		defer func() { _, _ = ours.Close(), peer.Close() }()
		c := New(NewGroup("test", Settings{NoFarewell: true}), ours)
		c.FollowHTTP1()
		c.Own(&witness{ended: make(chan messages.Outcome, 1)})
		c.Begin(&Unit{})
		c.Return(true)
		c.Idle()
		left := make(chan error)
		go func() {
			_, err := c.Read(make([]byte, 1))
			left <- err
		}()
		synctest.Wait()
		require.Equal(t, idle, c.phase())
		c.Leave()
		require.ErrorIs(t, <-left, os.ErrDeadlineExceeded)
		require.Equal(t, leaving, c.phase())
	})
}
