package servers

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// join opens one more listener on a shared port, and accepts.
func join(t *testing.T, addr string) *listener {
	l, err := listen(t.Context(), address{"tcp", addr, true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for nc, err := l.Accept(); err == nil; nc, err = l.Accept() {
			_ = nc.Close()
		}
	}()
	return l
}

// leaveUnderLoad closes l, while many connect again and again. A connection that is dealt
// to l meanwhile comes a second later: each of them, without steering.
func leaveUnderLoad(t *testing.T, l *listener) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	unbound := make(chan struct{})
	const clients = 20
	late := make(chan int, clients)
	for range clients {
		go func() {
			n := 0
			for over := false; !over; {
				began := time.Now()
				nc, err := net.Dial("tcp", l.Addr().String())
				if assert.NoError(t, err) {
					_ = nc.Close()
				}
				if time.Since(began) > synAckTimeout/2 {
					n++
				}
				select {
				case <-unbound:
					over = true
				default:
				}
			}
			late <- n
		}()
	}
	require.NoError(t, l.unbind(ctx))
	close(unbound)
	n := 0
	for range clients {
		n += <-late
	}
	assert.LessOrEqual(t, n, 3, "those that came in the last microsecond")
}

func TestAHandoverDelaysNobody(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1", "0.0.0.0", "::"} {
		t.Run(host, func(t *testing.T) {
			first := join(t, net.JoinHostPort(host, "0"))
			addr := first.Addr().String()
			second := join(t, addr)
			leaveUnderLoad(t, first)
			third := join(t, addr)
			leaveUnderLoad(t, second) // which is the first now
			fourth := join(t, addr)
			leaveUnderLoad(t, fourth) // taken back
			join(t, addr)
			leaveUnderLoad(t, third)

			first = join(t, net.JoinHostPort(host, "0"))
			addr = first.Addr().String()
			join(t, addr)
			join(t, addr)
			leaveUnderLoad(t, first) // of three
		})
	}
}

func TestMatesAreThoseOnTheSameAddress(t *testing.T) {
	first := join(t, "127.0.0.1:0")
	addr := first.Addr().String()
	second, third := join(t, addr), join(t, addr)
	for i, l := range []*listener{first, second, third} {
		assert.Len(t, l.elders, i)
		assert.Len(t, mates(l.Listener), 2)
	}
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	elsewhere := join(t, net.JoinHostPort("127.0.0.2", port))
	assert.Empty(t, mates(elsewhere.Listener))
}
