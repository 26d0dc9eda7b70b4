package conns

import (
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// unwilling is a socket that takes so many bytes of each write, and then meets a deadline.
type unwilling struct {
	net.Conn
	takes  int
	closed chan struct{}
}

func (u *unwilling) Write(p []byte) (int, error) {
	if n := min(u.takes, len(p)); n < len(p) {
		return n, os.ErrDeadlineExceeded
	}
	return len(p), nil
}

func (u *unwilling) Close() error {
	close(u.closed)
	return u.Conn.Close()
}

func unwillingH2(t *testing.T, takes int) (*H2, *unwilling) {
	here, there := net.Pipe()
	t.Cleanup(func() { _ = there.Close() })
	u := &unwilling{here, takes, make(chan struct{})}
	c := New(NewGroup("test", Settings{}), u)
	c.Own(nobody{})
	return c.Multiplex(nil), u
}

// A write that was cut short by the server's WriteByteTimeout is gone on with: only one
// of which nothing was taken says that the client is gone.
func TestH2WriteThatIsGoneOnWithIsNotBroken(t *testing.T) {
	for takes, broke := range map[int]bool{3: false, 0: true} {
		h, _ := unwillingH2(t, takes)
		n, err := h.Write(make([]byte, 20))
		require.Equal(t, takes, n)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, broke, h.has(broken))
	}
}

// A frame of ours that cannot be written ends the connection, rather than keep it until
// the deadline: it waits for what is queued.
func TestH2FrameThatCannotBeWrittenEndsTheConnection(t *testing.T) {
	h, u := unwillingH2(t, 0)
	h.out.count = 1 // the server's settings are out
	h.send(&h2Control{frame: appendH2GoAway(nil, 0)})
	<-u.closed
	require.Zero(t, h.queued.Load())
	require.True(t, h.has(broken))
}
