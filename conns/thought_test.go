package conns

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// thought is a handler that has read something, has thought for so long, and has
// written the first part of its answer when the drain begins; the second part follows
// after a pause. It returns what the peer has got in the end.
func thought(t *testing.T, upgrade Upgrade, question, first, second []byte, thinks, pause time.Duration) string {
	ours, peer := net.Pipe()
	c := New(NewGroup("thought", Settings{Linger: -1}), ours)
	c.FollowHTTP1()
	c.Own(deaf{})
	c.Begin(&Unit{})
	k, _ := c.Hijack(&Unit{}, upgrade, bufio.NewReadWriter(bufio.NewReader(strings.NewReader("")), nil))
	c.Return(true)
	got := make(chan string, 1)
	go func() {
		_, _ = peer.Write(question)
		all, _ := io.ReadAll(peer)
		got <- string(all)
	}()
	_, err := k.Read(make([]byte, 64))
	require.NoError(t, err)
	time.Sleep(thinks) // of a bubble's time, which is the subject
	_, err = k.Write(first)
	require.NoError(t, err)
	c.group.Drain(time.Now().Add(time.Minute))
	c.Leave()
	time.Sleep(pause) // the same
	_, _ = k.Write(second)
	_ = k.Close()
	return <-got
}

// What is quiet is known by the time of the last write, not by that of the question
// which it answers. Time is the subject, in a bubble.
func TestAPauseAfterALongThoughtIsNoSilence(t *testing.T) {
	t.Run("tunnel", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			got := thought(t, Tunnel, []byte("question"), []byte("part 1, "), []byte("part 2"),
				3*DefaultIdleGrace, DefaultIdleGrace/2)
			require.Equal(t, "part 1, part 2", got)
		})
	})
	t.Run("WebSocket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			got := thought(t, WebSocketGranted, maskedText("question"), text("part 1"), text("part 2"), time.Second, settle/2)
			require.Equal(t, string(text("part 1"))+string(text("part 2")), strings.TrimSuffix(got, string(closeFrame(1001, ""))))
		})
	})
}
