package main

import "errors"

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

// contest is what is measured of a server, side by side with the other one: who its
// clients are, and one measurement with them.
type contest struct {
	managed, bare string // kinds of server
	assemble      func(addr string) (crowd, error)
	measure       func(*child, crowd) (float64, error)
}

// processPairs is after how many pairs both processes are new ones: where the memory
// of one happens to lie is worth a percent.
const processPairs = 10

// warmUps is how often both sides of new processes are measured for nothing.
const warmUps = 5

// pairs measures them, in as many duels as it takes. The servers of the first one
// write CPU profiles if o names a file.
func (c contest) pairs(o options) ([]pair, error) {
	var all []pair
	for len(all) < o.pairs {
		some, err := c.duel(min(processPairs, o.pairs-len(all)), o.profile)
		if err != nil {
			return nil, err
		}
		all, o.profile = append(all, some...), ""
	}
	return all, nil
}

func (c contest) duel(n int, profile string) ([]pair, error) {
	d, err := startDuel(c.managed, c.bare)
	if err != nil {
		return nil, err
	}
	defer d.end()
	var sides [2]func() (float64, error)
	for i, child := range []*child{d.managed, d.bare} {
		clients, err := c.assemble(child.addr)
		if err != nil {
			return nil, err
		}
		defer clients.close()
		sides[i] = func() (float64, error) { return c.measure(child, clients) }
	}
	for range warmUps {
		for _, measure := range sides {
			if _, err := measure(); err != nil {
				return nil, err
			}
		}
	}
	if err := d.profile(profile, sides[0], sides[1]); err != nil {
		return nil, err
	}
	return turns(n, sides[0], sides[1])
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
