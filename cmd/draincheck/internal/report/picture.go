package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

// picture is one trial as a drawing: time runs from left to right, every client is a line.
type picture struct {
	Width, Height, Top, Bottom float64
	Thick                      float64 // of a busy stretch
	Open, Busy, Lost           string  // SVG paths
	Dots                       []dot
	Ticks                      []tick
	SignalX, ExitX             float64
	ExitLabel                  string
	ExitAnchor                 string
	Hung                       bool
	Lines, Of                  int
}

type dot struct {
	X, Y, R float64
	Class   string // lost, repeat, refused
	Title   string
}

type tick struct {
	X     float64
	Label string
}

const (
	pictureWidth = 1000
	pictureTop   = 34
	axisHeight   = 26
	maxLines     = 64
	margin       = 8

	exitLabelWidth = 200
)

// scale turns instants into x.
type scale struct {
	from time.Time
	span time.Duration
}

func (s scale) x(t time.Time) float64 {
	f := float64(t.Sub(s.from)) / float64(s.span)
	return margin + math.Round(f*(pictureWidth-2*margin)*10)/10
}

func (s scale) clamp(t time.Time) float64 {
	return min(max(s.x(t), margin), pictureWidth-margin)
}

// window shows what matters: a stretch before the signal, and everything up to the exit or the last thing seen.
func window(t *verdict.Trial) scale {
	end := t.Exited
	for _, l := range t.Lines {
		for _, m := range l.Marks {
			end = later(end, m.At)
		}
		if n := len(l.Busy); n > 0 {
			end = later(end, l.Busy[n-1].To)
		}
	}
	after := max(end.Sub(t.Signalled), 10*time.Millisecond)
	before := min(max(after/4, 15*time.Millisecond), 250*time.Millisecond)
	return scale{from: t.Signalled.Add(-before), span: before + after + after/12}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func draw(t *verdict.Trial) *picture {
	s := window(t)
	lines := worthDrawing(t.Lines)
	pitch := 12.0
	if len(lines) > 24 {
		pitch = 8
	}
	p := &picture{
		Width: pictureWidth, Top: pictureTop, Thick: pitch * 0.55, Lines: len(lines), Of: len(t.Lines),
		SignalX: s.x(t.Signalled), ExitX: s.clamp(t.Exited), Hung: t.Hung, ExitAnchor: "start",
	}
	p.Bottom = pictureTop + pitch*float64(len(lines)) + 4
	p.Height = p.Bottom + axisHeight
	p.ExitLabel = "exit after " + human(t.SignalToExit())
	if t.Hung {
		p.ExitLabel = "still running after " + human(t.SignalToExit())
	}
	if p.ExitX > pictureWidth-exitLabelWidth {
		p.ExitAnchor = "end"
	}
	var open, busy, lost strings.Builder
	for i, l := range lines {
		y := pictureTop + pitch*(float64(i)+0.5)
		stroke(&open, s, y, l.Open)
		stroke(&busy, s, y, l.Busy)
		stroke(&lost, s, y, lostSpans(l))
		p.mark(s, y, pitch, l)
	}
	p.Open, p.Busy, p.Lost = open.String(), busy.String(), lost.String()
	p.Ticks = ticks(s, t.Signalled)
	return p
}

// worthDrawing chooses and orders the lines: those that lost first, then by how long they lasted.
func worthDrawing(all []verdict.Line) []verdict.Line {
	lines := slices.Clone(all)
	slices.SortStableFunc(lines, func(a, b verdict.Line) int {
		if x, y := len(lostSpans(a)) > 0 || hasLoss(a), len(lostSpans(b)) > 0 || hasLoss(b); x != y {
			if x {
				return -1
			}
			return 1
		}
		return cmp.Compare(lastOf(a).UnixNano(), lastOf(b).UnixNano())
	})
	return lines[:min(len(lines), maxLines)]
}

func hasLoss(l verdict.Line) bool {
	return slices.ContainsFunc(l.Marks, func(m verdict.Mark) bool { return m.Outcome.Lost() })
}

func lastOf(l verdict.Line) (t time.Time) {
	if n := len(l.Open); n > 0 {
		t = l.Open[n-1].To
	}
	return t
}

// lostSpans returns the stretches of the requests that were lost: a loss belongs to the work begun last before it.
func lostSpans(l verdict.Line) []verdict.Span {
	var lost []verdict.Span
	for _, m := range l.Marks {
		if !m.Outcome.Lost() {
			continue
		}
		for i := len(l.Busy) - 1; i >= 0; i-- {
			if l.Busy[i].From.Before(m.At) {
				lost = append(lost, l.Busy[i])
				break
			}
		}
	}
	return lost
}

// stroke draws stretches as one path. What would be closer than half a pixel is drawn as one.
func stroke(b *strings.Builder, s scale, y float64, spans []verdict.Span) {
	from, to := math.Inf(1), math.Inf(-1)
	flush := func() {
		if to >= from {
			fmt.Fprintf(b, "M%.1f %.1fh%.1f", from, y, max(to-from, 0.8))
		}
	}
	for _, span := range spans {
		if span.To.Before(s.from) {
			continue
		}
		x1, x2 := s.clamp(span.From), s.clamp(span.To)
		if x1-to > 0.5 || to < from {
			flush()
			from = x1
		}
		to = max(x2, x1)
	}
	flush()
}

func (p *picture) mark(s scale, y, pitch float64, l verdict.Line) {
	class := map[verdict.Outcome]string{
		verdict.Repeat: "repeat", verdict.Refused: "refused", verdict.ResetDialling: "refused",
	}
	for _, m := range l.Marks {
		c := class[m.Outcome]
		if m.Outcome.Lost() {
			c = "lost"
		}
		if c == "" || m.At.Before(s.from) {
			continue
		}
		p.Dots = append(p.Dots, dot{X: s.clamp(m.At), Y: y, R: pitch * 0.36, Class: c, Title: m.Outcome.String()})
	}
}

// ticks puts round numbers of milliseconds on the axis, counted from the signal.
func ticks(s scale, signalled time.Time) []tick {
	step := time.Millisecond
	for i := 0; s.span/step > 12; i++ {
		step = time.Duration(float64(step) * []float64{2, 2.5, 2}[i%3])
	}
	var out []tick
	first := signalled.Add(-step * (signalled.Sub(s.from) / step))
	for at := first; at.Before(s.from.Add(s.span)); at = at.Add(step) {
		out = append(out, tick{X: s.x(at), Label: human(at.Sub(signalled))})
	}
	return out
}

func human(d time.Duration) string {
	switch {
	case d == 0:
		return "0"
	case d.Abs() >= 2*time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d.Abs() >= 100*time.Millisecond:
		return fmt.Sprintf("%.0f ms", ms(d))
	default:
		return fmt.Sprintf("%.3g ms", ms(d))
	}
}
