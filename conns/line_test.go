package conns

import (
	"net"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// What a client asks for is shown in each frame of the live page, and kept in the
// Report: it is up to the client how long that is, up to MaxHeaderBytes.
func TestARequestIsNamedInALineOfBoundedLength(t *testing.T) {
	named := func(u *Unit) string {
		near, far := net.Pipe()
		defer func() { _, _ = near.Close(), far.Close() }()
		c := New(NewGroup("x", Settings{}), near)
		c.FollowReads()
		c.Own(nobody{})
		c.Begin(u)
		return c.Snapshot().Request
	}
	require.Equal(t, "GET /a", named(&Unit{Method: "GET", Path: "/a"}))
	require.Equal(t, "frame", named(&Unit{Path: "frame"}))
	exact := strings.Repeat("a", longestName)
	require.Equal(t, exact, named(&Unit{Path: exact}))

	for _, path := range []string{strings.Repeat("a", 1<<20), "/a" + strings.Repeat("é", 1<<20)} {
		line := named(&Unit{Method: strings.Repeat("M", 1<<20), Path: path})
		require.Less(t, len(line), 3*longestName)
		require.True(t, strings.HasSuffix(line, "…"))
		require.True(t, utf8.ValidString(line))
	}
}
