package conns

import (
	"bytes"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// stingy takes three bytes of its second write, and is late then.
type stingy struct {
	net.Conn
	sent   bytes.Buffer
	writes int
}

func (s *stingy) Write(p []byte) (int, error) {
	if s.writes++; s.writes == 2 {
		n, _ := s.sent.Write(p[:3])
		return n, os.ErrDeadlineExceeded
	}
	return s.sent.Write(p)
}

// A server with a WriteByteTimeout goes on behind what was cut short. Behind half a frame
// of ours nothing may come.
func TestH2NothingFollowsHalfAFrameOfOurs(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	w := &stingy{Conn: here}
	c := New(NewGroup("test", Settings{}), w)
	c.Own(nobody{})
	h := c.Multiplex(nil)
	first := appendH2Frame(nil, h2Data, 0, 1, []byte("hello")...)
	second := appendH2Frame(nil, h2Data, 0, 1, []byte("world")...)
	h.out.toBoundary(nil)
	_, err := h.put(first[:4])
	require.NoError(t, err)
	w.writes = 0
	h.frames.Store(&h2Control{frame: appendH2GoAway(nil, h2MaxStream)})
	h.queued.Add(1)
	n, err := h.Write(append(bytes.Clone(first[4:]), second...))
	require.ErrorIs(t, err, net.ErrClosed)
	require.Equal(t, len(first)-4, n)
	require.Equal(t, len(first)+3, w.sent.Len())
}
