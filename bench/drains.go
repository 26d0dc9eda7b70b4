package main

import (
	"fmt"
	"io"
	"math"
	"time"
)

// coldness is how long connections are left alone, so that they are idle for
// longer than the default grace.
const coldness = 1500 * time.Millisecond

// drainTime measures the drain of idle connections beside http.Server.Close on as
// many plain ones. The servers are new for each.
func drainTime(kind string, bar float64) func(options) (result, error) {
	return func(o options) (result, error) {
		n := o.conns
		if n == 0 {
			n = 18_000
		}
		if o.brief {
			n = 200
		}
		var cpus [2][]float64
		side := func(i int, r role) func() (float64, error) {
			return func() (float64, error) {
				took, cpu, err := drainOnce(r, n, o.profile)
				cpus[i] = append(cpus[i], cpu)
				return took, err
			}
		}
		pairs, err := turns(o.pairs, side(0, role{"managed", kind}), side(1, role{"bare", "http"}))
		note := "every client got what it was due: a close frame 1001, or a 408 and the end"
		return result{unit: fmt.Sprintf("s for %d connections", n), pairs: pairs, bar: bar, notes: []string{
			note, fmt.Sprintf("CPU of the server for it: managed %.2f s, bare %.2f s (medians)", median(cpus[0]), median(cpus[1])),
		}}, err
	}
}

// drainOnce is how long the drain takes, and the server's CPU time, in seconds.
func drainOnce(r role, n int, profile string) (wall, cpu float64, err error) {
	c, err := start(r)
	if err != nil {
		return 0, 0, err
	}
	defer c.end()
	dial := dialPlain
	if r.kind != "http" {
		dial = dialWebSocket
	}
	clients, err := gather(n, dial, c.addr)
	if err != nil {
		return 0, 0, err
	}
	defer clients.close()
	if _, err := clients.once(); err != nil {
		return 0, 0, err
	}
	ends := clients.await(r.mode == "managed")
	time.Sleep(coldness) // the subject: they are cold
	before, err := c.cpu()
	if err != nil {
		return 0, 0, err
	}
	if profile != "" {
		if _, err := c.ask("profile " + profile + r.mode); err != nil {
			return 0, 0, err
		}
	}
	took, err := c.ask("stop")
	if err != nil {
		return 0, 0, err
	}
	if profile != "" {
		if _, err := c.ask("profiled"); err != nil {
			return 0, 0, err
		}
	}
	after, err := c.cpu()
	if err != nil {
		return 0, 0, err
	}
	for range clients {
		if err := <-ends; err != nil {
			return 0, 0, fmt.Errorf("a client: %w", err)
		}
	}
	return time.Duration(took).Seconds(), (after - before).Seconds(), nil
}

// await has each client wait for its end, and close.
func (c crowd) await(farewells bool) <-chan error {
	ends := make(chan error, len(c))
	for _, one := range c {
		switch one := one.(type) {
		case *wsClient:
			go func() {
				f := one.awaitClose()
				if f.err == nil && f.code != 1001 {
					f.err = fmt.Errorf("close code %d", f.code)
				}
				ends <- f.err
			}()
		case *plain:
			go func() { ends <- one.awaitEnd(farewells) }()
		}
	}
	return ends
}

// awaitEnd waits for the end of a keep-alive connection.
func (c *plain) awaitEnd(farewell bool) error {
	said := 0
	for {
		n, err := c.Read(c.buf)
		said += n
		if err == nil {
			continue
		}
		_ = c.Close()
		if farewell && (err != io.EOF || said == 0) {
			return fmt.Errorf("no farewell (%d bytes): %w", said, err)
		}
		return nil
	}
}

// growth measures how the drains grow with the number of connections.
func growth(o options) (result, error) {
	sizes := []int{1000, 2000, 4000, 9000, 18_000}
	if o.brief {
		sizes = []int{100, 200}
	}
	r := result{unit: "s"}
	for _, kind := range []string{"ws", "http"} {
		s := series{name: map[string]string{"ws": "WebSockets, closing handshake", "http": "keep-alive, 408"}[kind]}
		for _, n := range sizes {
			var took []float64
			for range max(o.pairs/4, 1) {
				t, _, err := drainOnce(role{"managed", kind}, n, "")
				if err != nil {
					return r, err
				}
				took = append(took, t)
			}
			s.x, s.y = append(s.x, float64(n)), append(s.y, median(took))
		}
		r.series = append(r.series, s)
		r.notes = append(r.notes, s.name+": "+linear(s))
	}
	return r, nil
}

// linear says how far a curve is from a straight line: from the one whose greatest
// distance from a point, in proportion to it, is the least. Three points decide it,
// which lie on alternating sides of it (Chebyshev).
func linear(s series) string {
	worst, slope := 0.0, 0.0
	for k := range s.x {
		for j := range k {
			for i := range j {
				// start + slope*x = (1-e)*y, (1+e)*y and (1-e)*y
				m := [3][4]float64{{1, s.x[i], s.y[i], s.y[i]}, {1, s.x[j], -s.y[j], s.y[j]}, {1, s.x[k], s.y[k], s.y[k]}}
				if _, b, e := solve(m); math.Abs(e) >= worst {
					worst, slope = math.Abs(e), b
				}
			}
		}
	}
	return fmt.Sprintf("%.1f µs for each further connection; %.0f %% off the straight line that fits best, at most",
		slope*1e6, worst*100)
}

// solve solves three linear equations by Cramer's rule.
func solve(m [3][4]float64) (a, b, c float64) {
	det := func(i, j, k int) float64 {
		return m[0][i]*(m[1][j]*m[2][k]-m[1][k]*m[2][j]) - m[0][j]*(m[1][i]*m[2][k]-m[1][k]*m[2][i]) +
			m[0][k]*(m[1][i]*m[2][j]-m[1][j]*m[2][i])
	}
	d := det(0, 1, 2)
	return det(3, 1, 2) / d, det(0, 3, 2) / d, det(0, 1, 3) / d
}

// spreadRate measures the rate of the closes of a spread drain, and the server's
// CPU in each second of it.
func spreadRate(o options) (result, error) {
	n, over := 15_000, 10
	if o.conns > 0 {
		n = o.conns
	}
	if o.brief {
		n, over = 200, 1
	}
	c, err := start(role{"managed", "ws"}, fmt.Sprintf("BENCH_SPREAD=%d", n/over/10))
	if err != nil {
		return result{}, err
	}
	defer c.end()
	clients, err := gather(n, dialWebSocket, c.addr)
	if err != nil {
		return result{}, err
	}
	ends := make(chan farewell, n)
	for _, one := range clients {
		go func() { ends <- one.(*wsClient).awaitClose() }()
	}
	stopped := make(chan error, 1)
	began := time.Now()
	watch := watchCPU(c.cmd.Process.Pid)
	go func() {
		_, err := c.ask("stop")
		stopped <- err
	}()
	rate := series{name: "closes in each second"}
	counts := map[int]float64{}
	last := 0
	for range clients {
		f := <-ends
		if f.err != nil || f.code != 1001 {
			return result{}, fmt.Errorf("a client: code %d, %w", f.code, f.err)
		}
		second := int(f.at.Sub(began) / time.Second)
		counts[second]++
		last = max(last, second)
	}
	took := time.Since(began)
	if err := <-stopped; err != nil {
		return result{}, err
	}
	for i := range last + 1 {
		rate.x, rate.y = append(rate.x, float64(i)), append(rate.y, counts[i])
	}
	cpu := watch()
	r := result{unit: "(closes, % of one processor)", series: []series{rate, cpu}}
	worst := 0.0
	for i := range min(over, last) { // whole seconds
		d := counts[i]/(float64(n)/float64(over)) - 1
		if d*d > worst*worst {
			worst = d
		}
	}
	r.notes = append(r.notes, fmt.Sprintf("%d closes in %.2f s; at most %+.1f %% off the even rate in a whole second; bar 10 %%", n, took.Seconds(), worst*100))
	return r, nil
}
