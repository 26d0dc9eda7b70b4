package wsactor

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// However the bytes are split, the same is counted.
func TestFramesCountMessages(t *testing.T) {
	masked := func(first byte, length ...byte) []byte { return append(append([]byte{first}, length...), 1, 2, 3, 4) }
	stream := bytes.Join([][]byte{
		masked(0x81, 0x80|3), []byte("one"),
		masked(0x01, 0x80|2), []byte("tw"), masked(0x8a, 0x80), masked(0x80, 0x80|1), []byte("o"),
		masked(0x82, 0x80|126, 1, 0), make([]byte, 256),
		masked(0x82, 0x80|127, 0, 0, 0, 0, 0, 1, 0, 0), make([]byte, 65536),
		masked(0x82, 0x80),
	}, nil)
	for step := 1; step < 100; step++ {
		var f frames
		for rest := stream; len(rest) > 0; {
			n := min(step, len(rest))
			f.follow(rest[:n])
			rest = rest[n:]
		}
		require.Equal(t, 5, f.messages)
		require.True(t, f.between())
		f.follow([]byte{0x81})
		require.False(t, f.between())
	}
}
