package conns

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain/messages"
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

// A message that its write deadline has cut is never finished: nothing can follow it, and
// the drain does not wait for it until its own deadline. Who writes the rest is waited for.
func TestAMessageThatWasTornHoldsNoDrainUp(t *testing.T) {
	for name, resumed := range map[string]bool{"for good": false, "and resumed": true} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			p := newPair(t, Settings{IdleGrace: 100 * time.Millisecond}, WebSocketGranted)
			_, err := p.k.Write([]byte{finBit | 1, 1})
			require.NoError(t, err)
			require.NoError(t, p.k.SetWriteDeadline(time.Unix(1, 0)))
			_, err = p.k.Write([]byte("x"))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			reading := make(chan error, 1)
			go func() {
				_, err := p.k.Read(make([]byte, 1))
				reading <- err
			}()
			if resumed {
				require.NoError(t, p.k.SetWriteDeadline(time.Time{}))
				_, err = p.k.Write(nil)
				require.NoError(t, err)
			}
			p.leave()
			if resumed {
				require.Equal(t, []byte{finBit | 1, 1}, p.await(200*time.Millisecond))
				_, err = p.k.Write([]byte("x"))
				require.NoError(t, err)
				rest := make([]byte, 5)
				_, err = io.ReadFull(p.r, rest)
				require.NoError(t, err)
				require.Equal(t, append([]byte("x"), closeFrame(1001, "")...), rest)
				p.send([]byte{finBit | opClose, maskBit | 2, 0, 0, 0, 0, 3, 0xe9})
			} else {
				torn := make([]byte, 2)
				_, err = io.ReadFull(p.r, torn)
				require.NoError(t, err)
			}
			p.expectEnd()
			p.expectOutcome(messages.OutcomeDrained, false)
			<-reading
		})
	}
}
