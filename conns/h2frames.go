package conns

import "encoding/binary"

// h2Frames follows a stream of HTTP/2 frames by their headers (RFC 9113, section
// 4.1), across any split, and keeps no more of a payload than its first bytes.
type h2Frames struct {
	frame  h2Frame // in progress, or the last one
	header [9]byte
	have   uint8  // bytes of header
	left   uint32 // bytes of the payload that are still to come
	known  bool   // frame is the one in progress: its header is complete
	block  bool   // a header block is open: only its CONTINUATION may follow
	count  uint64 // frames that are complete
}

// h2Frame is what is known of one frame.
type h2Frame struct {
	kind   uint8
	flags  uint8
	stream uint32
	length uint32
	start  [8]byte // of the payload
	kept   uint8   // bytes in start
}

// Frames that it tells apart, and their flags (RFC 9113, section 6).
const (
	h2Data         = 0x0
	h2Headers      = 0x1
	h2Priority     = 0x2
	h2RSTStream    = 0x3
	h2PushPromise  = 0x5
	h2Ping         = 0x6
	h2GoAway       = 0x7
	h2Continuation = 0x9

	h2EndStream  = 0x1
	h2Ack        = 0x1
	h2EndHeaders = 0x4
	h2Padded     = 0x8
)

const h2MaxStream = 1<<31 - 1

func (f *h2Frame) is(flag uint8) bool { return f.flags&flag != 0 }

// h2Edge is what next stopped at; a frame without payload begins and ends at once.
type h2Edge uint8

const (
	h2Begun h2Edge = 1 << iota // its header is complete
	h2Ended                    // it is complete
)

// next follows p up to the end of a frame's header or of its payload, or of p.
func (f *h2Frames) next(p []byte) (n int, edge h2Edge) {
	if !f.known {
		h := p
		if n = len(f.header); f.have == 0 && len(p) >= n { // as a rule, it comes in one piece
			f.have = uint8(n)
		} else {
			n = copy(f.header[f.have:], p)
			f.have += uint8(n)
			if int(f.have) < len(f.header) {
				return n, 0
			}
			h = f.header[:]
		}
		f.begin([9]byte(h))
		edge = h2Begun
		if f.left > 0 {
			return n, edge
		}
		f.end()
		return n, edge | h2Ended
	}
	n = int(min(uint64(f.left), uint64(len(p))))
	if f.frame.kind > h2Priority { // of their payload nothing is looked at
		f.frame.kept += uint8(copy(f.frame.start[f.frame.kept:], p[:n]))
	}
	f.left -= uint32(n)
	if f.left == 0 {
		f.end()
		edge = h2Ended
	}
	return n, edge
}

func (f *h2Frames) begin(h [9]byte) {
	f.known = true
	f.left = uint32(h[0])<<16 | uint32(h[1])<<8 | uint32(h[2])
	f.frame = h2Frame{
		kind: h[3], flags: h[4],
		stream: binary.BigEndian.Uint32(h[5:]) & h2MaxStream, length: f.left,
	}
	switch f.frame.kind {
	case h2Headers, h2PushPromise, h2Continuation:
		f.block = !f.frame.is(h2EndHeaders)
	}
}

func (f *h2Frames) end() {
	f.known, f.have = false, 0
	f.count++
}

// boundary reports whether a frame of ours may stand here.
func (f *h2Frames) boundary() bool { return f.have == 0 && !f.block }

// toBoundary is how many bytes of p come before the first boundary after its
// start; len(p) + 1 if there is none in it.
func (f h2Frames) toBoundary(p []byte) int {
	for at := 0; at < len(p); {
		n, edge := f.next(p[at:])
		at += n
		if edge&h2Ended != 0 && f.boundary() {
			return at
		}
	}
	return len(p) + 1
}

// appendH2Frame appends one frame.
func appendH2Frame(b []byte, kind, flags uint8, stream uint32, payload ...byte) []byte {
	n := len(payload)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(b, payload...)
}

// appendH2GoAway appends a GOAWAY without an error (RFC 9113, section 6.8).
func appendH2GoAway(b []byte, last uint32) []byte {
	payload := binary.BigEndian.AppendUint32(nil, last)
	return appendH2Frame(b, h2GoAway, 0, 0, append(payload, 0, 0, 0, 0)...)
}
