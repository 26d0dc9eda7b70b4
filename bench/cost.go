package main

import (
	"fmt"
	"os"
)

// cpuOf measures the server's CPU time per request.
func cpuOf(kind string, bar float64) func(options) (result, error) {
	return func(o options) (result, error) {
		dial := map[string]func(string) (client, error){"http": dialPlain, "tls": dialTLS, "h2": dialH2}[kind]
		n := o.conns
		if n == 0 {
			n = 64
		}
		pairs, err := contest{
			managed: kind, bare: kind,
			assemble: func(addr string) (crowd, error) { return gather(n, dial, addr) },
			measure: func(c *child, clients crowd) (float64, error) {
				before, err := c.cpu()
				if err != nil {
					return 0, err
				}
				answers, err := clients.drive(o.window)
				if err != nil {
					return 0, err
				}
				after, err := c.cpu()
				return (after - before).Seconds() * 1e6 / float64(answers), err
			},
		}.pairs(o)
		return result{unit: "µs of CPU per request", pairs: pairs, block: processPairs, bar: bar}, err
	}
}

// memoryOf measures the resident memory of a server for each idle connection; the
// servers are new for each pair.
func memoryOf(managed, bare string, barKiB float64) func(options) (result, error) {
	return func(o options) (result, error) {
		n := o.conns
		if n == 0 {
			n = 10_000
		}
		if o.brief {
			n = 200
		}
		side := func(r role) func() (float64, error) {
			return func() (float64, error) { return memory(r, n, o.profile) }
		}
		pairs, err := turns(o.pairs, side(role{"managed", managed}), side(role{"bare", bare}))
		return result{unit: fmt.Sprintf("KiB per connection (%d)", n), pairs: pairs, delta: true, bar: barKiB}, err
	}
}

func memory(r role, n int, profile string) (float64, error) {
	c, err := start(r)
	if err != nil {
		return 0, err
	}
	defer c.end()
	dial := dialPlain
	if r.kind != "http" {
		dial = dialWebSocket
	}
	// What a server makes once, and learns while it is new, is not theirs: the
	// runtime's type switches fill their caches at random, and search with more stack
	// until they have.
	learning, err := gather(64, dialPlain, c.addr)
	if err != nil {
		return 0, err
	}
	few, err := gather(64, dial, c.addr)
	if err != nil {
		return 0, err
	}
	for range 100 {
		if _, err := learning.once(); err != nil {
			return 0, err
		}
		if _, err := few.once(); err != nil {
			return 0, err
		}
	}
	learning.close()
	before, err := c.ask("rss")
	if err != nil {
		return 0, err
	}
	clients, err := gather(n, dial, c.addr)
	if err != nil {
		return 0, err
	}
	defer clients.close()
	defer few.close()
	if _, err := clients.once(); err != nil {
		return 0, err
	}
	if profile != "" {
		_ = os.Remove(profile + r.mode)
		if _, err := c.ask("heap " + profile + r.mode); err != nil {
			return 0, err
		}
		stacks, err := c.ask("stacks")
		if err != nil {
			return 0, err
		}
		fmt.Printf("   %s: %.2f KiB of stack each\n", r.mode, float64(stacks)/1024/float64(n))
	}
	after, err := c.ask("rss")
	return float64(after-before) / 1024 / float64(n), err
}

func (c crowd) close() {
	for _, one := range c {
		_ = one.Close()
	}
}

// once has each client ask once, one after another: what many at once take for a
// moment would stay in the server's pools.
func (c crowd) once() (int, error) {
	for _, one := range c {
		if err := one.round(); err != nil {
			return 0, err
		}
	}
	return len(c), nil
}
