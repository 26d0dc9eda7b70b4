//go:build unix

package scenario

import "time"

var tlsKeepAlive = &Scenario{
	Name:   "tls",
	Title:  "kept connections over TLS",
	Needs:  needsTLS,
	Play:   func(c *Client) { c.keepAsking(c.TLS, true) },
	Settle: 50 * time.Millisecond,
}

var tlsInFlight = &Scenario{
	Name:   "tlsinflight",
	Title:  "requests being served at the signal, over TLS (-slow-url's path at -tls-url's host)",
	Needs:  needsBoth(needsTLS, needsSlow),
	Settle: 150 * time.Millisecond,
	Play:   func(c *Client) { c.beInFlight(at(c.TLS, c.Slow)) },
}

var tlsSilent = &Scenario{
	Name:   "tlssilent",
	Title:  "connections to the TLS port without a hello",
	Needs:  needsTLS,
	Settle: 150 * time.Millisecond,
	Play:   func(c *Client) { c.sayOnly(c.TLS, nil) },
}
