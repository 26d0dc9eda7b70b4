package main

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/internal/socketio/clienttest"
)

// chatty is how many Socket.IO clients there are.
const chatty = 30

// Real clients of both generations, in every way of connecting, see a demo go and
// come back on the same port.
func TestSocketIOClientsSurviveARestart(t *testing.T) {
	for _, pkg := range []string{clienttest.Client4, clienttest.Client3} {
		for _, mode := range []string{clienttest.Polling, clienttest.WebSocket, clienttest.Upgraded} {
			t.Run(pkg+"/"+mode, func(t *testing.T) {
				d := launch(t)
				clients := clienttest.Start(t, "http://"+d.http, pkg, mode, chatty)
				start := time.Now()
				d.signal(syscall.SIGTERM)
				status, report := d.wait()
				took := time.Since(start)
				require.Equal(t, exitClean, status, report)
				require.Less(t, took, 2*time.Second, report)
				seen := map[string]int{}
				for _, gone := range clients.AwaitGone() {
					seen[fmt.Sprint(gone.Reason, " ", gone.Code)]++
				}
				if mode == clienttest.Polling {
					require.GreaterOrEqual(t, seen["transport close 0"], chatty*9/10, "%v", seen)
				} else {
					require.Equal(t, map[string]int{"transport close 1001": chatty}, seen)
				}
				again := launch(t, "-http", d.http)
				restarted := time.Now()
				clients.AwaitBack()
				t.Logf("%v, exit after %s, all back in %s", seen, took.Round(time.Millisecond), time.Since(restarted).Round(time.Millisecond))
				require.NotEmpty(t, clients.Stop())
				again.signal(syscall.SIGTERM)
				status, report = again.wait()
				require.Equal(t, exitClean, status, report)
			})
		}
	}
}
