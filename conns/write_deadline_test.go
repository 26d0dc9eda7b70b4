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
	for _, set := range []func(*pair) error{
		func(p *pair) error { return p.k.SetWriteDeadline(past) },
		func(p *pair) error { return p.k.Conn.SetWriteDeadline(past) }, // http.ResponseController does that
		nil, // before the takeover, as net/http's WriteTimeout does
	} {
		p := newPairAfter(t, Settings{}, Tunnel, func(c *Conn) {
			if set == nil {
				require.NoError(t, c.SetWriteDeadline(past))
				_, err := c.Write([]byte("never"))
				assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
			}
		})
		require.NoError(t, p.k.SetWriteDeadline(time.Time{}))
		_, err := p.k.Write([]byte("a"))
		require.NoError(t, err)
		if set == nil {
			set = func(p *pair) error { return p.k.SetDeadline(past) }
		}
		require.NoError(t, set(p))
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
