package conns

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Clearing a write deadline that nobody has set reaches no socket; one that was set
// holds, and is gone when it is cleared, whoever set it.
func TestWriteDeadlinesHoldAndAreCleared(t *testing.T) {
	past := time.Unix(1, 0)
	for _, before := range []bool{false, true} { // the takeover
		p := newPair(t, Settings{}, Tunnel)
		require.NoError(t, p.k.SetWriteDeadline(time.Time{}))
		_, err := p.k.Write([]byte("a"))
		require.NoError(t, err)
		if before {
			require.NoError(t, p.k.Conn.SetWriteDeadline(past)) // as net/http's WriteTimeout does
		} else {
			require.NoError(t, p.k.SetWriteDeadline(past))
		}
		_, err = p.k.Write([]byte("never"))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, p.k.SetDeadline(time.Time{}))
		_, err = p.k.Write([]byte("b"))
		require.NoError(t, err)
		for _, want := range []byte("ab") {
			got, err := p.r.ReadByte()
			require.NoError(t, err)
			assert.Equal(t, want, got)
		}
		_ = p.k.Close()
		_ = p.peer.Close()
	}
}
