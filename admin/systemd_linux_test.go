package admin

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

func TestSystemdIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatalf("no datagram socket: %v", err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	s := Systemd()
	for _, c := range []struct {
		event messages.Event
		want  []string
	}{
		{messages.PhaseChanged{Phase: messages.PhaseServing}, []string{"READY=1"}},
		{messages.PhaseChanged{Phase: messages.PhaseDraining, Reason: "signal: terminated"}, []string{"STOPPING=1", "signal: terminated"}},
		{messages.DrainFinished{Report: messages.Report{Servers: []messages.ServerReport{{Drained: 3, Killed: 1}}}}, []string{"STATUS=drained", "3 in order, 1 killed"}},
	} {
		s.Notify(messages.ServerBound{}) // nothing is said of it
		s.Notify(c.event)
		require.NoError(t, socket.SetReadDeadline(time.Now().Add(5*time.Second)))
		buf := make([]byte, 1024)
		n, err := socket.Read(buf)
		require.NoError(t, err)
		for _, want := range c.want {
			assert.Contains(t, strings.TrimSpace(string(buf[:n])), want)
		}
	}
}
