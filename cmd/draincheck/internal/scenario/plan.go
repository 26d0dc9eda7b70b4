//go:build unix

// Package scenario holds the loads: each brings its connections into a pose, or keeps them busy, while the server is asked to
// stop, and says what became of every request.
package scenario

import (
	"net/url"
	"time"
)

// Plan is what the command line asked for.
type Plan struct {
	URL, TLS, Slow, Stream, Download, Early, H2, WS, WSBig, SSE *url.URL

	Method  string
	Body    string
	Conns   int
	Think   time.Duration // a client thinks for a random time up to this between two requests
	RTT     time.Duration
	Timeout time.Duration // from the signal to "hung"
	// MaxRequests bounds what one client sends in one trial.
	MaxRequests int
}

// Scenario is one load.
type Scenario struct {
	Name  string
	Title string
	// Needs returns the flag that would enable the scenario if it isn't given.
	Needs func(*Plan) string
	// Conns returns the number of clients; nil for the plan's.
	Conns func(*Plan) int
	// Play is one client's part. It calls Ready once it is in its pose, or has had a first answer.
	Play func(*Client)
	// Settle is how long the pose is held before the signal; a random time is added.
	Settle time.Duration
	// Relayed lets the clients connect to URL through the delaying relay.
	Relayed bool
}

func needs(u func(*Plan) *url.URL, flag string) func(*Plan) string {
	return func(p *Plan) string {
		if u(p) == nil {
			return flag
		}
		return ""
	}
}

var needsURL = needs(func(p *Plan) *url.URL { return p.URL }, "-url")

func atMost(n int) func(*Plan) int {
	return func(p *Plan) int { return min(n, p.Conns) }
}

// All returns every scenario, in the order in which they are run.
func All() []*Scenario {
	return []*Scenario{
		keepAlive, rtt, blind, pipelining, newConn, inFlight, stream, download, early, firstRequest,
		idle, silent, halfHeader,
	}
}
