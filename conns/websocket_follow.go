package conns

import "sync/atomic"

// What is followed of a WebSocket's bytes is the header of each frame
// (RFC 6455, section 5.2): two bytes, a longer length in 2 or 8 more, a mask in
// 4 more. Payload is skipped by length, never looked at or kept, and writes may
// be split anywhere.

// The parts of a frame's header (RFC 6455, section 5.2).
const (
	finBit     = 0x80
	opcodeBits = 0x0f
	controlBit = 0x08
	maskBit    = 0x80
	lengthBits = 0x7f
	opClose    = 0x08
)

// follower follows the frames of one direction. It belongs to whoever holds that
// direction; the zero value stands before a first frame.
type follower struct {
	left     uint64 // payload of this frame that is still to come
	messages uint32 // data messages that have ended
	first    byte   // the first byte of this frame: FIN and opcode
	have     uint8  // bytes of its header so far; 0 between two frames
	lengthTo uint8  // where the length ends in the header
	need     uint8  // bytes of the header in all
	message  bool   // a message has begun whose last frame has not ended
	closed   bool   // a close frame has ended
	failed   bool   // the last write has
}

// batch is how many messages came in one Read, and how many of these may want an answer
// still, in one word.
type batch struct{ word atomic.Uint32 }

const batchShift, batchMask = 16, 1<<16 - 1

func (b *batch) came(n uint32) {
	n = min(n, batchMask)
	b.word.Store(n<<batchShift | n)
}

// answered counts one less, and reports whether there is none any more.
func (b *batch) answered() (all bool) {
	if b.word.Load()&batchMask == 0 {
		return true
	}
	return b.word.Add(^uint32(0))&batchMask == 0
}

func (b *batch) size() int64 { return int64(b.word.Load() >> batchShift) }

// between reports whether no frame and no message is in progress. Control frames
// may stand inside a fragmented message (section 5.4), a close frame of ours may
// not: nothing could follow it.
func (f *follower) between() bool { return f.have == 0 && f.left == 0 && !f.message }

// follow takes the next bytes of the direction.
func (f *follower) follow(p []byte) {
	for len(p) > 0 {
		if f.have == 0 && f.left > 0 {
			n := min(f.left, uint64(len(p)))
			f.left -= n
			p = p[n:]
		} else {
			f.header(p[0])
			p = p[1:]
			if f.have > 0 {
				continue
			}
		}
		if f.left == 0 {
			f.end()
		}
	}
}

// header takes one byte of a header. have is 0 again when it was the last one;
// left is then the length of the payload.
func (f *follower) header(b byte) {
	switch {
	case f.have == 0:
		f.first = b
		if b&controlBit == 0 {
			f.message = true
		}
		f.have = 1
		return
	case f.have == 1:
		f.lengthTo = 2
		f.left = 0
		switch n := b & lengthBits; n {
		case 126:
			f.lengthTo = 4
		case 127:
			f.lengthTo = 10
		default:
			f.left = uint64(n)
		}
		f.need = f.lengthTo
		if b&maskBit != 0 {
			f.need += 4
		}
	case f.have < f.lengthTo:
		f.left = f.left<<8 | uint64(b)
	}
	if f.have++; f.have == f.need {
		f.have = 0
	}
}

// end is called at the end of each frame.
func (f *follower) end() {
	switch {
	case f.first&controlBit != 0:
		if f.first&opcodeBits == opClose {
			f.closed = true
		}
	case f.first&finBit != 0:
		f.message = false
		f.messages++
	}
}

// answer follows the HTTP response that stands before the first frame
// (RFC 6455, section 4.2.2), to its blank line, and looks at its status.
type answer struct {
	seen    uint8 // bytes of the status line, as far as the status
	matched uint8 // bytes of the blank line
	refused bool  // the status is not 101
	over    bool
}

// switching is what stands in a status line where "HTTP/1.1 101" does; x is any
// byte.
const switching = "xxxxxxxxx101"

var blankLine = []byte("\r\n\r\n")

// follow takes the next bytes and returns how many belong to the response.
func (a *answer) follow(p []byte) int {
	for i, b := range p {
		if int(a.seen) < len(switching) {
			if want := switching[a.seen]; want != 'x' && b != want {
				a.refused = true
			}
			a.seen++
		}
		switch {
		case b == blankLine[a.matched]:
			a.matched++
		case b == blankLine[0]:
			a.matched = 1
		default:
			a.matched = 0
		}
		if int(a.matched) == len(blankLine) {
			a.over = true
			return i + 1
		}
	}
	return len(p)
}
