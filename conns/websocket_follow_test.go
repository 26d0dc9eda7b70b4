package conns

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// parsed is what a plain parser makes of a stream, with the whole of it at hand:
// the reference for the follower.
type parsed struct {
	messages uint32
	message  bool // the stream ends within a message
	frame    bool // or within a frame
	closed   bool
}

func parse(stream []byte) (p parsed) {
	r := bytes.NewReader(stream)
	for r.Len() > 0 {
		first, _ := r.ReadByte()
		data, final := first&0x08 == 0, first&0x80 != 0
		p.message = p.message || data
		second, err := r.ReadByte()
		if err != nil {
			p.frame = true
			return p
		}
		length := uint64(second & 0x7f)
		switch length {
		case 126:
			var n uint16
			err = binary.Read(r, binary.BigEndian, &n)
			length = uint64(n)
		case 127:
			err = binary.Read(r, binary.BigEndian, &length)
		}
		if second&0x80 != 0 && err == nil {
			_, err = io.ReadFull(r, make([]byte, 4))
		}
		if err != nil || length > uint64(r.Len()) {
			p.frame = true
			return p
		}
		_, _ = r.Seek(int64(length), io.SeekCurrent)
		switch {
		case !data && first&0x0f == opClose:
			p.closed = true
		case data && final:
			p.messages++
			p.message = false
		}
	}
	return p
}

func check(t require.TestingT, stream []byte, followed *follower) {
	want := parse(stream)
	require.Equal(t, want, parsed{
		messages: followed.messages, message: followed.message,
		frame: followed.have != 0 || followed.left != 0, closed: followed.closed,
	}, "% x", stream)
	require.Equal(t, !want.frame && !want.message, followed.between())
}

// split follows a stream in pieces whose lengths the cuts say.
func split(f *follower, stream, cuts []byte) {
	for _, n := range cuts {
		n := min(int(n), len(stream))
		f.follow(stream[:n])
		stream = stream[n:]
	}
	f.follow(stream)
}

func FuzzFollower(f *testing.F) {
	f.Add([]byte{0x81, 0x02, 'h', 'i', 0x88, 0x02, 0x03, 0xe9}, []byte{1, 1, 1})
	f.Add([]byte{0x01, 0x82, 1, 2, 3, 4, 'h', 'i', 0x89, 0x00, 0x80, 0x00}, []byte{3})
	f.Add([]byte{0x82, 126, 0, 1, 'x', 0x82, 127, 0, 0, 0, 0, 0, 0, 0, 1, 'y'}, []byte{0, 4, 9})
	f.Add([]byte{0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, []byte{})
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		var whole, pieces follower
		whole.follow(stream)
		check(t, stream, &whole)
		split(&pieces, stream, cuts)
		check(t, stream, &pieces)
	})
}

// aFrame draws a frame of any kind, of a length in any of the three forms.
func aFrame(t *rapid.T) []byte {
	first := rapid.SampledFrom([]byte{0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a, 0xc1, 0x41}).Draw(t, "first")
	length := rapid.SampledFrom([]int{0, 1, 5, 125, 126, 127, 300, 65535, 65536, 70000}).Draw(t, "length")
	if first&controlBit != 0 {
		length = min(length, 125)
	}
	mask := byte(0)
	if rapid.Bool().Draw(t, "masked") {
		mask = maskBit
	}
	frame := []byte{first}
	switch {
	case length > 65535:
		frame = binary.BigEndian.AppendUint64(append(frame, mask|127), uint64(length))
	case length > 125:
		frame = binary.BigEndian.AppendUint16(append(frame, mask|126), uint16(length))
	default:
		frame = append(frame, mask|byte(length))
	}
	if mask != 0 {
		frame = append(frame, 0x88, 0x81, 0x82, 0x83) // looks like frames
	}
	return append(frame, bytes.Repeat([]byte{0x88}, length)...)
}

func TestFollowerAgreesWithAParserOnAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for _, frame := range rapid.SliceOfN(rapid.Custom(aFrame), 0, 8).Draw(t, "frames") {
			stream = append(stream, frame...)
		}
		stream = stream[:rapid.IntRange(0, len(stream)).Draw(t, "cut off at")]
		var f follower
		rest := stream
		for len(rest) > 0 {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			f.follow(rest[:n])
			rest = rest[n:]
			check(t, stream[:len(stream)-len(rest)], &f)
		}
	})
}

func TestAnswerEndsAtItsBlankLineOnAnySplit(t *testing.T) {
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
	for status, refused := range map[string]bool{"101": false, "400": true, "200": true} {
		stream := []byte("HTTP/1.1 " + status + head[12:] + "\x81\x02hi")
		rapid.Check(t, func(t *rapid.T) {
			var a answer
			followed := 0
			for rest := stream; !a.over; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
				took := a.follow(rest[:n])
				followed += took
				rest = rest[took:]
			}
			require.Equal(t, len(head), followed)
			require.Equal(t, refused, a.refused)
		})
	}
}

func TestFollowingAllocatesNothing(t *testing.T) {
	message := append([]byte{0x82, 126, 0x10, 0x00}, make([]byte, 4096)...)
	var f follower
	require.Zero(t, testing.AllocsPerRun(100, func() { f.follow(message) }))
}

func TestCloseFrames(t *testing.T) {
	require.Equal(t, []byte{0x88, 4, 0x03, 0xf4, 'o', 'k'}, closeFrame(1012, "ok"))
	require.Len(t, closeFrame(1001, string(make([]byte, 200))), 2+125)
	require.NoError(t, ValidateClose(1012, "back soon"))
	require.ErrorContains(t, ValidateClose(1006, ""), "may not be sent")
	require.ErrorContains(t, ValidateClose(1001, string(make([]byte, 124))), "at most 123 bytes")
}

func BenchmarkFollow(b *testing.B) {
	message := append([]byte{0x81, 64}, make([]byte, 64)...)
	var f follower
	for b.Loop() {
		f.follow(message)
	}
}
