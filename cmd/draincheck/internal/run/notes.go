//go:build unix

package run

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/target"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

// hungNote tells a server that takes no notice of the signal from one that began to stop and didn't end.
func (r *Runner) hungNote(ctx context.Context) string {
	asked := r.asked()
	dialer := net.Dialer{Timeout: time.Second}
	for _, addr := range r.Spec.Addrs {
		c, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			continue
		}
		c.Close()
		return fmt.Sprintf("still running and still accepting connections %v after %s: it ignores it", r.Plan.Timeout, asked)
	}
	return fmt.Sprintf("still running %v after %s: it has closed its listener, and waits for something", r.Plan.Timeout, asked)
}

func (r *Runner) asked() string {
	if r.Spec.StopCmd != "" {
		return "-stop-cmd"
	}
	return target.SignalName(r.Spec.Signal)
}

// remark notes what is odd about a trial without being a loss.
func (r *Runner) remark(p *target.Process, t *verdict.Trial) {
	note := func(format string, args ...any) { t.Notes = append(t.Notes, fmt.Sprintf(format, args...)) }
	if len(t.ErrorStatus) > 0 {
		note("complete answers with an error status: %s (is the URL right?)", verdict.Counts(t.ErrorStatus))
	}
	if t.Hung {
		return
	}
	exit := p.Exit()
	switch {
	case exit.Signal != 0 && exit.Signal == r.Spec.Signal && r.Spec.StopCmd == "":
		note("died of %s: it doesn't handle it, so there was no shutdown at all", r.asked())
	case exit.Signal != 0:
		note("%s after %s: it crashed", exit.Status, r.asked())
	case exit.Code != 0:
		note("%s after %s", exit.Status, r.asked())
	}
	if exit.Orphans {
		note("it left processes of its group behind, which were killed (does a shell stand in front of the server?)")
	}
}
