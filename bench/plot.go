package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	width, height = 720, 320
	left, bottom  = 80, 60
)

// plot draws a result: the ratio of each pair, with the median, its interval and
// the bar, or curves.
func plot(title string, r result) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/><text x="20" y="24" font-size="15">%s</text>`+"\n", width, height, title)
	if len(r.pairs) > 0 {
		r.plotPairs(&b)
	} else {
		r.plotSeries(&b)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// axis maps values to the picture.
type axis struct {
	low, high, from, to float64
	log                 bool
}

func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log(v), math.Log(low), math.Log(high)
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

func vertical(low, high float64) axis {
	if high <= low {
		high = low + 1
	}
	return axis{low: low, high: high, from: height - bottom, to: 45}
}

func (a axis) grid(b *strings.Builder) {
	for i := range 5 {
		v := a.low + float64(i)*(a.high-a.low)/4
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.4g</text>`+"\n",
			left, width-20, a.at(v), a.at(v), left-8, a.at(v)+4, v)
	}
}

func (r result) plotPairs(b *strings.Builder) {
	v := r.compared()
	low, high := interval(v, r.block)
	all := append(slices.Clone(v), r.bar)
	if r.bar == 0 {
		all = all[:len(v)]
	}
	pad := (slices.Max(all) - slices.Min(all)) * 0.1
	y := vertical(slices.Min(all)-pad, slices.Max(all)+pad)
	x := axis{low: 0, high: float64(len(v) - 1), from: left + 20, to: width - 40}
	if len(v) == 1 {
		x.high = 1
	}
	y.grid(b)
	fmt.Fprintf(b, `<rect x="%d" width="%d" y="%.1f" height="%.1f" fill="#36c" opacity="0.15"/>`+"\n", left, width-20-left, y.at(high), y.at(low)-y.at(high))
	fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#36c" stroke-width="2"/>`+"\n", left, width-20, y.at(median(v)), y.at(median(v)))
	if r.bar != 0 {
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#c33" stroke-dasharray="6 4"/><text x="%d" y="%.1f" fill="#c33" text-anchor="end">bar %.3g</text>`+"\n",
			left, width-20, y.at(r.bar), y.at(r.bar), width-24, y.at(r.bar)-5, r.bar)
	}
	for i, one := range v {
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" fill="#36c"/>`+"\n", x.at(float64(i)), y.at(one))
	}
	what := "ratio"
	if r.delta {
		what = "difference"
	}
	fmt.Fprintf(b, `<text x="%d" y="%d">pairs in the order they were measured; %s, median %.3f, 95 %% in [%.3f, %.3f]; %s</text>`+"\n",
		left, height-20, what, median(v), low, high, r.unit)
}

func (r result) plotSeries(b *strings.Builder) {
	var xs, ys []float64
	for _, s := range r.series {
		xs, ys = append(xs, s.x...), append(ys, s.y...)
	}
	if len(xs) == 0 {
		for i, n := range r.notes {
			fmt.Fprintf(b, `<text x="20" y="%d">%s</text>`+"\n", 60+i*20, n)
		}
		return
	}
	x := axis{low: slices.Min(xs), high: slices.Max(xs), from: left, to: width - 60}
	y := vertical(0, slices.Max(ys)*1.1)
	y.grid(b)
	for i, s := range r.series {
		colour := []string{"#36c", "#c60", "#393"}[i%3]
		var points []string
		for j := range s.x {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x.at(s.x[j]), y.at(s.y[j])))
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", x.at(s.x[j]), y.at(s.y[j]), colour)
			if i == 0 && (j == 0 || x.at(s.x[j])-x.at(s.x[j-1]) > 30) {
				fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%.0f</text>`+"\n", x.at(s.x[j]), height-bottom+16, s.x[j])
			}
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/><text x="%d" y="%d" fill="%s">%s (%s)</text>`+"\n",
			strings.Join(points, " "), colour, left+10, 60+i*16, colour, s.name, r.unit)
	}
	if len(r.notes) > 0 {
		fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", 20, height-16, r.notes[len(r.notes)-1])
	}
}
