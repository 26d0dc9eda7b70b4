package servers_test

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// given are the servers that take a listener of the user's.
var given = map[string]func(net.Listener) drain.Server{
	"http": func(ln net.Listener) drain.Server {
		return servers.HTTP(&http.Server{}, servers.HTTPOptions{Name: "given", Listener: ln})
	},
	"tcp": func(ln net.Listener) drain.Server {
		return tcp(shout, servers.TCPOptions{Name: "given", Listener: ln})
	},
}

// covered is a listener that shows nothing of the socket under it.
type covered struct{ net.Listener }

// A listener that was given and is closed cannot be opened by anyone but its owner: the
// start says so, rather than a tree that dies as soon as it lives.
func TestAGivenListenerIsServedOnce(t *testing.T) {
	for name, serve := range given {
		for cover, f := range map[string]func(net.Listener) net.Listener{
			"":        func(ln net.Listener) net.Listener { return ln },
			"covered": func(ln net.Listener) net.Listener { return covered{ln} },
		} {
			t.Run(name+cover, func(t *testing.T) {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				s := serve(f(ln))
				require.NoError(t, grow(t, quick(), s).drained().Err())
				require.Eventually(t, func() bool { return !s.(interface{ Managed() bool }).Managed() },
					20*time.Second, time.Millisecond)
				for range 2 {
					_, err = quick().Start(t.Context(), s)
					require.ErrorContains(t, err, "was given and is closed")
				}
			})
		}
	}
}

func TestAGivenListenerThatIsClosedIsAClearError(t *testing.T) {
	for name, serve := range given {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			require.NoError(t, ln.Close())
			_, err = quick().Start(t.Context(), serve(ln))
			require.ErrorContains(t, err, "was given and is closed")
		})
	}
}

func TestNothingToServeIsAClearError(t *testing.T) {
	for want, s := range map[string]drain.Server{
		"no http.Server": servers.HTTP(nil),
		"no Sessions":    servers.SocketIO(&http.Server{Addr: "127.0.0.1:0"}, nil),
	} {
		_, err := quick().Start(t.Context(), s)
		require.ErrorContains(t, err, want)
	}
	_, err := quick().Start(t.Context(), servers.SocketIO(nil, nil))
	require.Error(t, err)
}
