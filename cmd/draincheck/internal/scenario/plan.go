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
	// Relayed is the URL that the clients reach through the delaying relay; nil for none.
	Relayed func(*Plan) *url.URL
}

// What a scenario may need.
func theURL(p *Plan) *url.URL      { return p.URL }
func theTLS(p *Plan) *url.URL      { return p.TLS }
func theSlow(p *Plan) *url.URL     { return p.Slow }
func theStream(p *Plan) *url.URL   { return p.Stream }
func theDownload(p *Plan) *url.URL { return p.Download }
func theEarly(p *Plan) *url.URL    { return p.Early }
func theH2(p *Plan) *url.URL       { return p.H2 }
func theWS(p *Plan) *url.URL       { return p.WS }
func theWSBig(p *Plan) *url.URL    { return p.WSBig }
func theSSE(p *Plan) *url.URL      { return p.SSE }

func needs(u func(*Plan) *url.URL, flag string) func(*Plan) string {
	return func(p *Plan) string {
		if u(p) == nil {
			return flag
		}
		return ""
	}
}

func needsBoth(a, b func(*Plan) string) func(*Plan) string {
	return func(p *Plan) string {
		switch x, y := a(p), b(p); {
		case x == "":
			return y
		case y == "":
			return x
		default:
			return x + " and " + y
		}
	}
}

var (
	needsURL  = needs(theURL, "-url")
	needsSlow = needs(theSlow, "-slow-url")
	needsTLS  = needs(theTLS, "-tls-url")
	needsH2   = needs(theH2, "-h2-url")
	needsWS   = needs(theWS, "-ws-url")
)

// at is the path of one URL on the host of another.
func at(host, path *url.URL) *url.URL {
	u := *path
	u.Scheme, u.Host = host.Scheme, host.Host
	return &u
}

func atMost(n int) func(*Plan) int {
	return func(p *Plan) int { return min(n, p.Conns) }
}

// All returns every scenario, in the order in which they are run.
func All() []*Scenario {
	return []*Scenario{
		keepAlive, rtt, tlsKeepAlive, blind, pipelining, newConn,
		inFlight, tlsInFlight, stream, download, early, firstRequest,
		idle, silent, halfHeader, tlsSilent,
		h2, h2InFlight,
		wsIdle, wsMessage, wsQueued, wsMute,
		events,
	}
}
