//go:build unix

package run

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/godrain/drain/cmd/draincheck/internal/target"
	"github.com/godrain/drain/cmd/draincheck/internal/wire"
)

// Counter knows how many requests the server has executed: from a URL that outlives it (a backend's, say), or from the
// last line of its output that matches.
type Counter struct {
	URL    *url.URL
	Output *regexp.Regexp // its first group is the number
}

// Before is the count before the load.
func (c *Counter) Before(ctx context.Context) (int, error) {
	if c == nil || c.URL == nil {
		return 0, nil
	}
	return c.ask(ctx)
}

// Executed is how many were executed in the trial. The server has exited.
func (c *Counter) Executed(ctx context.Context, before int, p *target.Process) (int, error) {
	if c.URL != nil {
		after, err := c.ask(ctx)
		return after - before, err
	}
	found := c.Output.FindAllStringSubmatch(p.Output(), -1)
	if len(found) == 0 {
		return 0, fmt.Errorf("-count-output: nothing in the server's output matches %q", c.Output)
	}
	return strconv.Atoi(found[len(found)-1][1])
}

func (c *Counter) ask(ctx context.Context) (int, error) {
	_, body, err := wire.Get(ctx, c.URL)
	if err != nil {
		return 0, fmt.Errorf("-count-url: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(body))
	if err != nil {
		return 0, fmt.Errorf("-count-url: %s answers no number: %.40q", c.URL, body)
	}
	return n, nil
}
