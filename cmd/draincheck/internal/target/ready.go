//go:build unix

package target

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

// mustBeFree makes sure that it is our child that will answer.
func (s *Spec) mustBeFree(ctx context.Context) error {
	for _, addr := range s.Addrs {
		dialer := net.Dialer{Timeout: time.Second}
		if c, err := dialer.DialContext(ctx, "tcp", addr); err == nil {
			c.Close()
			return &verdict.Failure{Reason: fmt.Sprintf("something listens on %s already: the command could not be told from it "+
				"(stop it, or test it with -pid)", addr)}
		}
	}
	return nil
}

const probeEvery = 5 * time.Millisecond

// awaitReady probes until the server is ready, has exited, or the time is up.
func (s *Spec) awaitReady(ctx context.Context, p *Process, began time.Time) error {
	timeout := time.NewTimer(s.StartTimeout)
	defer timeout.Stop()
	again := time.NewTicker(probeEvery)
	defer again.Stop()
	for {
		last := s.Ready(ctx)
		if last == nil {
			return p.stillThere(began)
		}
		select {
		case <-p.exited:
			return p.gone(began)
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return &verdict.Failure{Reason: fmt.Sprintf("the server was not ready %v after its start: %v", s.StartTimeout, last)}
		case <-again.C:
		}
	}
}

func (p *Process) stillThere(began time.Time) error {
	select {
	case <-p.exited:
		return p.gone(began)
	default:
		return nil
	}
}

func (p *Process) gone(began time.Time) error {
	reason := fmt.Sprintf("the server exited before it was ready: %s after %v", p.exit.Status,
		p.exit.At.Sub(began).Round(time.Millisecond))
	if p.exit.Code == 0 && p.exit.Signal == 0 {
		reason += " (if it puts itself into the background, tell it to stay in the foreground, or use -pid)"
	}
	return &verdict.Failure{Reason: reason}
}
