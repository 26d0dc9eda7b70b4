package servers_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/servers"
)

// A drain may come before the goroutine that accepts has got to its first Accept.
func TestAnAcceptorThatComesLateEmptiesTheQueue(t *testing.T) {
	a, err := servers.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	waiting, err := net.Dial("tcp", a.Addr().String())
	require.NoError(t, err)
	defer waiting.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	unbound := make(chan error, 1)
	go func() { unbound <- a.Unbind(ctx) }()
	time.Sleep(100 * time.Millisecond) // longer than the queue must be quiet: being late is the subject
	accepted := 0
	require.NoError(t, a.Each(func(nc net.Conn) {
		accepted++
		_ = nc.Close()
	}))
	require.NoError(t, <-unbound)
	require.Equal(t, 1, accepted)
}

// Who asked for any port and finds the one that it had taken gets another.
func TestAPortThatIsTakenIsNotWaitedFor(t *testing.T) {
	a, err := servers.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	other, err := a.Again(t.Context()) // a is open still, which takes the port
	require.NoError(t, err)
	require.NotEqual(t, a.Addr(), other.Addr())
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, a.Unbind(over))
	require.NoError(t, other.Unbind(over))
	given, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer given.Close()
	_, err = servers.Accept(given).Again(t.Context())
	require.ErrorContains(t, err, "was given")
}
