//go:build unix

package drain_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
)

// freeze stops this process for so many seconds, as a virtual machine does that moves.
func freeze(t *testing.T, seconds float64) {
	pid := os.Getpid()
	out, err := exec.Command("sh", "-c", fmt.Sprintf("kill -STOP %d; sleep %g; kill -CONT %d", pid, seconds, pid)).CombinedOutput()
	require.NoError(t, err, string(out))
}

// All of a drain's clocks ring at once then: who is killed has the time to say how it
// stands nevertheless.
func TestP7_AFreezeOverTheDeadlineLeavesNobodyUnnamed(t *testing.T) {
	r := start(t, drain.Config{Timeout: time.Second, IdleGrace: -1, Linger: -1}, false)
	idle, held := r.dial(), r.dial()
	answer, _ := idle.get("/hello").answer()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	held.get("/hold")
	h := r.next()
	defer close(h.finish)
	reports := r.shutdown()
	answer, _ = idle.answer()
	require.Equal(t, http.StatusRequestTimeout, answer.StatusCode)
	idle.closed()
	freeze(t, 1.5)
	report := r.report(reports)
	require.ErrorIs(t, report.Err(), drain.ErrCut)
	require.NotContains(t, report.String(), "did not say Drained")
	sum := report.Sum()
	assert.Equal(t, 1, sum.Drained, report)
	assert.Equal(t, 1, sum.Killed, report)
	assert.Equal(t, 1, sum.Lost, report)
	require.Len(t, report.Servers[0].Stragglers, 1)
	assert.Equal(t, "GET /hold", report.Servers[0].Stragglers[0].Request)
}
