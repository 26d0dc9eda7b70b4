package verdict

import "time"

// Span is a stretch of a connection's life, for the picture.
type Span struct{ From, To time.Time }

// Mark is an instant on a connection's line.
type Mark struct {
	Outcome Outcome
	At      time.Time
}

// Line is one connection's life, or that of a client that uses one connection after another. It is written by one
// worker and read when that has finished.
type Line struct {
	Open  []Span // a connection was established
	Busy  []Span // a request was under way
	Marks []Mark
}

// A line keeps what stands near the signal, however long the load runs.
const maxSpans = 2048

// Opened records a connection's life, once it is over.
func (l *Line) Opened(s Span, signalled bool) { l.Open = record(l.Open, s, signalled) }

// Worked records a request's.
func (l *Line) Worked(s Span, signalled bool) { l.Busy = record(l.Busy, s, signalled) }

// record drops the older half to make room before the signal; after it, later ones are left out.
func record(spans []Span, s Span, signalled bool) []Span {
	if len(spans) >= maxSpans {
		if signalled {
			return spans
		}
		spans = append(spans[:0], spans[maxSpans/2:]...)
	}
	return append(spans, s)
}

// Mark records an instant. Plain answers are not worth a mark.
func (l *Line) Mark(o Outcome, at time.Time) {
	if o != Answered && len(l.Marks) < maxSpans {
		l.Marks = append(l.Marks, Mark{Outcome: o, At: at})
	}
}
