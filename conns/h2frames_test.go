package conns

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// h2Seen is one edge: where in the bytes, of which frame, and whether a frame of
// ours might stand there.
type h2Seen struct {
	at       int
	edge     h2Edge
	frame    h2Frame
	boundary bool
}

// h2Reference finds the frames in all bytes at once.
func h2Reference(b []byte) (seen []h2Seen) {
	block := false
	for at := 0; at+9 <= len(b); {
		f := h2Frame{
			length: binary.BigEndian.Uint32(append([]byte{0}, b[at:at+3]...)),
			kind:   b[at+3], flags: b[at+4], stream: binary.BigEndian.Uint32(b[at+5:]) & (1<<31 - 1),
		}
		if f.kind == h2Headers || f.kind == h2PushPromise || f.kind == h2Continuation {
			block = f.flags&h2EndHeaders == 0
		}
		at += 9
		if f.length == 0 {
			seen = append(seen, h2Seen{at, h2Begun | h2Ended, f, !block})
			continue
		}
		seen = append(seen, h2Seen{at, h2Begun, f, false})
		if uint64(at)+uint64(f.length) > uint64(len(b)) {
			return seen
		}
		if f.kind != h2Data && f.kind != h2Headers && f.kind != h2Priority {
			f.kept = uint8(copy(f.start[:], b[at:at+int(f.length)]))
		}
		at += int(f.length)
		seen = append(seen, h2Seen{at, h2Ended, f, !block})
	}
	return seen
}

// h2Follow follows the same bytes in pieces.
func h2Follow(b []byte, piece func() int) (seen []h2Seen) {
	var f h2Frames
	for at := 0; at < len(b); {
		p := b[at:min(len(b), at+max(1, piece()))]
		first := f.toBoundary(p)
		for done := 0; done < len(p); {
			n, edge := f.next(p[done:])
			done += n
			if edge != 0 {
				seen = append(seen, h2Seen{at + done, edge, f.frame, f.boundary()})
			}
			if edge&h2Ended != 0 && f.boundary() && first <= len(p) {
				if done != first {
					panic("toBoundary and next disagree")
				}
				first = len(p) + 1
			}
		}
		at += len(p)
	}
	return seen
}

func FuzzH2Follower(f *testing.F) {
	f.Add([]byte{}, uint64(1))
	f.Add(appendH2GoAway(appendH2Frame(nil, h2Ping, h2Ack, 0, h2PingData[:]...), 3), uint64(2))
	f.Add(appendH2Frame(appendH2Frame(nil, h2Headers, 0, 1, 1, 2, 3), h2Continuation, h2EndHeaders, 1), uint64(3))
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		pieces := rand.New(rand.NewPCG(seed, 0))
		want := h2Reference(b)
		assert.Equal(t, want, h2Follow(b, func() int { return len(b) }))
		assert.Equal(t, want, h2Follow(b, func() int { return 1 }))
		assert.Equal(t, want, h2Follow(b, func() int { return pieces.IntN(20) }))
	})
}

func TestH2FollowerFindsEveryBoundary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b []byte
		for range rapid.IntRange(1, 20).Draw(t, "frames") {
			b = appendH2Frame(b, rapid.Byte().Draw(t, "kind")%12, rapid.Byte().Draw(t, "flags"),
				rapid.Uint32().Draw(t, "stream"), rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "payload")...)
		}
		pieces := rapid.IntRange(1, 30)
		got := h2Follow(b, func() int { return pieces.Draw(t, "piece") })
		require.Equal(t, h2Reference(b), got)
		require.Equal(t, len(b), got[len(got)-1].at)
	})
}

func TestH2FollowerAllocatesNothing(t *testing.T) {
	b := appendH2Frame(nil, h2Data, 0, 1, make([]byte, 16<<10)...)
	var f h2Frames
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		for p := b; len(p) > 0; {
			n, _ := f.next(p)
			p = p[n:]
		}
	}))
}

// Whatever happens in whatever order: a stream ends once, when both sides have
// ended or either has reset it, and what is left open is what each finds.
func TestH2StreamsEndOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s h2Streams
		model := map[uint32]uint64{}
		next := uint32(1)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "open") {
				s.open(next, 0)
				model[next] = 0
				next += 2 * rapid.Uint32Range(1, 20).Draw(t, "skipped")
				continue
			}
			id := rapid.Uint32Range(0, next).Draw(t, "id") | 1
			sides := rapid.Uint64Range(1, 3).Draw(t, "sides")
			state, known := model[id]
			ends := known && state|sides == h2BothEnded
			require.Equal(t, ends, s.end(id, sides))
			if known {
				model[id] = state | sides
			}
			if ends {
				delete(model, id)
			}
		}
		left := map[uint32]bool{}
		s.each(func(id uint32) { left[id] = true })
		require.Len(t, left, len(model))
		for id := range model {
			require.True(t, left[id])
		}
	})
}

// Cells are used again: the memory is that of the streams open at once.
func TestH2StreamsStaySmall(t *testing.T) {
	var s h2Streams
	for id := uint32(1); id < 1<<20; id += 2 {
		s.open(id, 0)
		if id > 64 {
			require.True(t, s.end(id-64, h2BothEnded))
		}
	}
	links := 0
	for c := s.first.Load(); c != nil; c = c.next.Load() {
		links++
	}
	assert.LessOrEqual(t, links, 3)
}
