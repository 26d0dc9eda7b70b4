package servers

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// distant is a client far away: the SYN-ACK does not get through to it before arrive.
type distant struct {
	fd   atomic.Int64
	done chan error
}

func dialFromAfar(addr string) *distant {
	d := &distant{done: make(chan error, 1)}
	deaf := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},    // the flags of the TCP header
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0x12}, // SYN and ACK
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0x12, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
	}
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		_ = raw.Control(func(fd uintptr) {
			d.fd.Store(int64(fd))
			err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
				&unix.SockFprog{Len: uint16(len(deaf)), Filter: &deaf[0]})
		})
		return err
	}}
	go func() {
		nc, err := dialer.Dial("tcp", addr)
		if err == nil {
			err = nc.Close()
		}
		d.done <- err
	}()
	return d
}

// arrive lets the next SYN-ACK through: the kernel repeats it after a second.
func (d *distant) arrive() error {
	return unix.SetsockoptInt(int(d.fd.Load()), unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
}

// A client whose handshake has begun is not reset by the end of the listener, if its
// ACK comes in time.
func TestAHandshakeInProgressIsWaitedFor(t *testing.T) {
	for {
		a, err := Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		accepted := make(chan int, 1)
		go func() {
			n := 0
			_ = a.Each(func(nc net.Conn) { n++; _ = nc.Close() })
			accepted <- n
		}()
		began := time.Now()
		client := dialFromAfar(a.Addr().String())
		for !handshaking(a.listener.Listener, 0) {
			time.Sleep(time.Millisecond) // between two looks: no event tells
			require.Less(t, time.Since(began), 10*time.Second)
		}
		require.False(t, handshaking(a.listener.Listener, time.Minute), "it is not that old")
		time.Sleep(synAckTimeout/2 - time.Since(began)) // the way is the subject
		require.NoError(t, client.arrive())
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		late := time.Since(began) > synAckTimeout*9/10
		require.NoError(t, a.Unbind(ctx))
		cancel()
		n, err := <-accepted, <-client.done
		if late {
			continue // this machine has been too slow for that
		}
		require.NoError(t, err)
		require.Equal(t, 1, n)
		return
	}
}

// Nor are those waited for that never end.
func TestAHandshakeThatNeverEndsIsNotWaitedFor(t *testing.T) {
	for at, from := range map[string]string{"127.0.0.1:0": "127.0.0.1", "[::1]:0": "::1", ":0": "127.0.0.1", "[::]:0": "::1"} {
		t.Run(at+" from "+from, func(t *testing.T) {
			t.Parallel()
			a, err := Listen(t.Context(), "tcp", at)
			require.NoError(t, err)
			ended := make(chan error, 1)
			go func() { ended <- a.Each(func(net.Conn) {}) }()
			_, port, err := net.SplitHostPort(a.Addr().String())
			require.NoError(t, err)
			client := dialFromAfar(net.JoinHostPort(from, port))
			for !handshaking(a.listener.Listener, 0) {
				time.Sleep(time.Millisecond) // between two looks: no event tells
			}
			began := time.Now()
			require.NoError(t, a.Unbind(t.Context()))
			require.NoError(t, <-ended)
			require.Less(t, time.Since(began), 2*time.Second)
			require.NoError(t, client.arrive())
			require.Error(t, <-client.done, "refused")
		})
	}
}
