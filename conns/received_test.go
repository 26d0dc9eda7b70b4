package conns

import (
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// net/http begins its background read before the handler. A header that is whole by
// then belongs to a request that will be served, however long it took to arrive: that
// read must not leave, and tell the peer that it was not.
func TestNobodyLeavesBetweenAHeaderAndItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		w := &witness{ended: make(chan messages.Outcome, 1)}
		c := New(NewGroup("received", Settings{IdleGrace: -1, Linger: -1}), here)
		c.FollowNetHTTP()
		c.Own(w)
		go func() {
			for _, piece := range []string{"GET / HTTP/1.1\r\nHost:", " x\r\n\r\n"} {
				_, _ = io.WriteString(there, piece)
			}
		}()
		buf := make([]byte, 100)
		for range 2 {
			_, err := c.Read(buf)
			require.NoError(t, err)
		}
		assert.True(t, w.busy)
		c.Leave()
		background := make(chan error, 1)
		go func() {
			_, err := c.Read(buf[:1])
			background <- err
		}()
		synctest.Wait()
		c.Begin(&Unit{})
		go func() { _, _ = c.Write([]byte("answer")) }()
		n, err := there.Read(buf)
		require.NoError(t, err)
		assert.Equal(t, "answer", string(buf[:n]))
		_ = there.Close()
		require.ErrorIs(t, <-background, io.EOF)
		assert.Equal(t, working, c.phase())
	})
}
