package messages_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// A path is the client's own text, percent-decoded: people print a Report to a terminal.
func TestAClientWritesNoLinesIntoTheReport(t *testing.T) {
	named := func(request string) string {
		s := messages.Straggler{Connection: messages.Connection{Peer: "10.0.0.1:5", Request: request}, Lost: true}
		r := messages.Report{Servers: []messages.ServerReport{{Name: "http", Lost: 1, Stragglers: []messages.Straggler{s}}}}
		return r.String()
	}
	assert.Contains(t, named(""), "  http: 0 drained", "what has no address, such as an actor of yours")
	plain := named("GET /söld \"out\"")
	assert.Contains(t, plain, "GET /söld \"out\": ", "what is printable stays as it is")

	forged := named("GET /x\n  payments :443: 99 drained\r\x1b[2J\x1b]0;title\a\u202e\xff")
	require.Len(t, strings.Split(forged, "\n"), len(strings.Split(plain, "\n")))
	assert.Contains(t, forged, `GET /x\n  payments :443: 99 drained\r\x1b[2J\x1b]0;title\a\u202e\xff: `)

	long := named("GET /" + strings.Repeat("é", 500_000))
	assert.Less(t, len(long), 1000)
	assert.Contains(t, long, "é…: ")
}
