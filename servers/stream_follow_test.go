package servers

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Where an event ends does not depend on how it is cut into writes.
func TestEventStreamFollowsLineEnds(t *testing.T) {
	for text, whole := range map[string]bool{
		"data: x\n\n": true, "data: x\r\n\r\n": true, "data: x\r\r": true, "data: x\r\n\n": true, "data: x\n\r\n": true,
		"data: x\n": false, "data: x\r\n": false, "data: x\r": false, "data: x\r\n\r\nid": false, "x": false,
		": keep-alive\n\n": true, "\n": true, "data: x\n \n": false, "": true,
		": keep-alive\n": true, ": keep": true, "data: x\n: keep\n": false, "data: x\n\n: keep\n": true, "data: x\n:\n\n": true,
		"data: " + strings.Repeat("x", 100) + "\n\n": true, "\r\n": true, "data: x\r\n\r\n:": true,
	} {
		rapid.Check(t, func(t *rapid.T) {
			s := eventStream{empty: true}
			for rest := text; rest != ""; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "n")
				s.follow([]byte(rest[:n]))
				rest = rest[n:]
			}
			require.Equal(t, whole, s.whole(), "%q", text)
		})
	}
}

func TestEventStreamIsKnownByItsType(t *testing.T) {
	for contentType, is := range map[string]bool{
		"text/event-stream": true, "text/event-stream; charset=utf-8": true, "Text/Event-Stream": true,
		"text/plain": false, "": false, "text/event": false,
	} {
		require.Equal(t, is, isEventStream(http.Header{"Content-Type": {contentType}}), contentType)
	}
	require.False(t, isEventStream(http.Header{}))
}
