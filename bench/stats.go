package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
)

// pair is one turn: the same thing measured on both sides.
type pair struct{ managed, bare float64 }

// result is what an experiment has found: pairs, series over a size, or lines.
type result struct {
	unit   string
	pairs  []pair
	block  int  // so many pairs, one after the other, are of the same processes; 0 is one
	delta  bool // what matters is the difference, not the ratio
	series []series
	bar    float64 // of the ratio or the difference; 0 for none
	notes  []string
}

// series is a curve: y over x.
type series struct {
	name string
	x, y []float64
}

func (r result) String() string {
	var b strings.Builder
	if len(r.pairs) > 0 {
		m, e := r.each(func(p pair) float64 { return p.managed }), r.each(func(p pair) float64 { return p.bare })
		mid, low, high := median(r.compared()), 0.0, 0.0
		low, high = interval(r.compared(), r.block)
		word := "ratio"
		if r.delta {
			word = "difference"
		}
		fmt.Fprintf(&b, "   managed %.3f, bare %.3f %s (medians of %d); %s %.3f [%.3f, %.3f]",
			median(m), median(e), r.unit, len(r.pairs), word, mid, low, high)
		if r.bar != 0 {
			fmt.Fprintf(&b, "; bar %.2f", r.bar)
		}
		b.WriteByte('\n')
	}
	for _, s := range r.series {
		fmt.Fprintf(&b, "   %s:", s.name)
		for i := range s.x {
			fmt.Fprintf(&b, "  %.0f → %.3g", s.x[i], s.y[i])
		}
		fmt.Fprintf(&b, " %s\n", r.unit)
	}
	for _, n := range r.notes {
		fmt.Fprintf(&b, "   %s\n", n)
	}
	return b.String()
}

func (r result) each(f func(pair) float64) []float64 {
	out := make([]float64, len(r.pairs))
	for i, p := range r.pairs {
		out[i] = f(p)
	}
	return out
}

// compared is the ratio, or the difference, of each pair.
func (r result) compared() []float64 {
	if r.delta {
		return r.each(func(p pair) float64 { return p.managed - p.bare })
	}
	return r.each(func(p pair) float64 { return p.managed / p.bare })
}

func median(v []float64) float64 { return percentile(v, 0.5) }

func percentile(v []float64, p float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	at := p * float64(len(v)-1)
	i := int(at)
	if i+1 >= len(v) {
		return v[i]
	}
	return v[i] + (at-float64(i))*(v[i+1]-v[i])
}

// fewBlocks is how many blocks are too few to be drawn from.
const fewBlocks = 6

// interval is where the median lies with 95 %: the percentile bootstrap, always with
// the same dice. It draws blocks, whose values have something in common, unless there
// are too few of them.
func interval(v []float64, block int) (low, high float64) {
	if block < 1 || len(v) < fewBlocks*block {
		block = 1
	}
	blocks := slices.Collect(slices.Chunk(v, block))
	dice := rand.New(rand.NewPCG(1, 2))
	medians := make([]float64, 4000)
	draw := make([]float64, 0, len(v)+block)
	for i := range medians {
		draw = draw[:0]
		for range blocks {
			draw = append(draw, blocks[dice.IntN(len(blocks))]...)
		}
		medians[i] = median(draw)
	}
	return percentile(medians, 0.025), percentile(medians, 0.975)
}

// load is how busy the machine is, which belongs to every figure.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "load unknown"
	}
	return "load " + strings.Join(strings.Fields(string(b))[:3], " ")
}
