package main

import (
	"errors"
	"fmt"
	"os"
)

// duel is a bare and a managed server, side by side.
type duel struct{ managed, bare *child }

func startDuel(managed, bare string) (*duel, error) {
	m, err := start(role{"managed", managed})
	if err != nil {
		return nil, err
	}
	b, err := start(role{"bare", bare})
	if err != nil {
		m.end()
		return nil, err
	}
	return &duel{m, b}, nil
}

func (d *duel) end() {
	d.managed.end()
	d.bare.end()
}

// turns measures pairs, each in the other order than the one before. The first
// pair only warms up.
func turns(n int, managed, bare func() (float64, error)) ([]pair, error) {
	var pairs []pair
	for i := range n + 1 {
		var p pair
		var errs [2]error
		if i%2 == 0 {
			p.managed, errs[0] = managed()
			p.bare, errs[1] = bare()
		} else {
			p.bare, errs[1] = bare()
			p.managed, errs[0] = managed()
		}
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
		if i > 0 {
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

// cpuOf measures the server's CPU time per request.
func cpuOf(kind string, bar float64) func(options) (result, error) {
	return func(o options) (result, error) {
		dial := map[string]func(string) (client, error){"http": dialPlain, "tls": dialTLS, "h2": dialH2}[kind]
		d, err := startDuel(kind, kind)
		if err != nil {
			return result{}, err
		}
		defer d.end()
		n := o.conns
		if n == 0 {
			n = 64
		}
		side := func(c *child) (func() (float64, error), error) {
			clients, err := gather(n, dial, c.addr)
			return func() (float64, error) {
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
			}, err
		}
		managed, err := side(d.managed)
		if err != nil {
			return result{}, err
		}
		bare, err := side(d.bare)
		if err != nil {
			return result{}, err
		}
		if err := d.profile(o.profile, managed, bare); err != nil {
			return result{}, err
		}
		pairs, err := turns(o.pairs, managed, bare)
		return result{unit: "µs of CPU per request", pairs: pairs, bar: bar}, err
	}
}

// profile has both sides write a CPU profile of a few rounds, if there is a file
// to write to.
func (d *duel) profile(file string, managed, bare func() (float64, error)) error {
	if file == "" {
		return nil
	}
	return errors.Join(profile(d.managed, file+"managed", managed), profile(d.bare, file+"bare", bare))
}

func profile(c *child, file string, f func() (float64, error)) error {
	if _, err := c.ask("profile " + file); err != nil {
		return err
	}
	for range 8 {
		if _, err := f(); err != nil {
			return err
		}
	}
	_, err := c.ask("profiled")
	return err
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
