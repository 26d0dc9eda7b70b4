package compat

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
)

// What a client sends behind its handshake, in the pieces in which it does.
var exchanges = map[string][][]byte{
	"close 1000":                       {masked(fin|opClose, status(1000, ""))},
	"close with a reason":              {masked(fin|opClose, status(1001, "bye"))},
	"close with the longest reason":    {masked(fin|opClose, status(4999, strings.Repeat("x", 123)))},
	"close with nothing":               {masked(fin|opClose, nil)},
	"close with half a code":           {masked(fin|opClose, []byte{3})},
	"close with a forbidden code":      {masked(fin|opClose, status(1005, ""))},
	"close with an unknown code":       {masked(fin|opClose, status(2000, ""))},
	"close with no UTF-8":              {masked(fin|opClose, status(1000, "\xff"))},
	"close byte by byte":               bytewise(masked(fin|opClose, status(1000, "bye"))),
	"close between fragments":          {masked(opText, []byte("a")), masked(fin|opClose, status(1000, ""))},
	"a message and close, one segment": {append(masked(fin|opText, []byte("hi")), masked(fin|opClose, status(1000, ""))...)},
	"no close":                         {masked(fin|opText, []byte("hi"))},
	"nothing":                          {},
	"half a header":                    {{fin | opText}},
	"half a message":                   {masked(fin|opText, []byte("hello"))[:8]},
	"a message byte by byte":           bytewise(masked(fin|opText, []byte("hello"))),
	"an empty message":                 {masked(fin|opText, nil), masked(fin|opClose, status(1000, ""))},
	"three messages, one segment":      {bytes.Repeat(masked(fin|opBinary, []byte("hi")), 3), masked(fin|opClose, status(1000, ""))},
	"126 bytes":                        {masked(fin|opBinary, make([]byte, 126)), masked(fin|opClose, status(1000, ""))},
	"65,536 bytes":                     {masked(fin|opBinary, make([]byte, 65536)), masked(fin|opClose, status(1000, ""))},
	"fragments":                        {masked(opText, []byte("a")), masked(0, []byte("b")), masked(fin, []byte("c")), masked(fin|opClose, status(1000, ""))},
	"fragments with a ping between":    {masked(opText, []byte("a")), masked(fin|opPing, []byte("?")), masked(fin, []byte("c")), masked(fin|opClose, status(1000, ""))},
	"empty fragments":                  {masked(opText, nil), masked(0, nil), masked(fin, nil), masked(fin|opClose, status(1000, ""))},
	"ping":                             {masked(fin|opPing, []byte("?")), masked(fin|opClose, status(1000, ""))},
	"ping with 125 bytes":              {masked(fin|opPing, make([]byte, 125)), masked(fin|opClose, status(1000, ""))},
	"a pong nobody asked for":          {masked(fin|opPong, []byte("!")), masked(fin|opClose, status(1000, ""))},
	"a fragmented ping":                {masked(opPing, nil)},
	"a continuation of nothing":        {masked(fin, []byte("x"))},
	"a message within a message":       {masked(opText, []byte("a")), masked(fin|opText, []byte("b"))},
	"a reserved bit":                   {masked(0x40|fin|opText, []byte("x"))},
	"a reserved opcode":                {masked(fin|3, []byte("x"))},
	"no mask":                          {{fin | opText, 1, 'x'}},
	"the handler closes":               {masked(fin|opText, []byte("close")), masked(fin|opClose, status(4001, ""))},
	"the handler closes, fragments":    {masked(fin|opText, []byte("close")), masked(opText, []byte("a")), masked(fin, []byte("b")), masked(fin|opClose, status(4001, ""))},
	"the handler hangs up":             {masked(fin|opText, []byte("hang up"))},
}

func status(code int, reason string) []byte {
	return append([]byte{byte(code >> 8), byte(code)}, reason...)
}

func bytewise(frame []byte) (pieces [][]byte) {
	for i := range frame {
		pieces = append(pieces, frame[i:i+1])
	}
	return pieces
}

// gorillaConforming echoes in fragments of 16 bytes, and closes on demand.
func gorillaConforming(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{WriteBufferSize: 16}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		switch string(message) {
		case "hang up":
			return
		case "close":
			if conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4001, "enough")) != nil {
				return
			}
			continue
		}
		out, err := conn.NextWriter(kind)
		if err != nil {
			continue // it has sent its close frame and reads on, to the peer's
		}
		_, _ = out.Write(message)
		if out.Close() != nil {
			return
		}
	}
}

// TestTheAdapterChangesNothing compares, byte by byte, what a client gets from a
// bare http.Server and from the same one managed, while nothing is drained.
func TestTheAdapterChangesNothing(t *testing.T) {
	handlers := map[string]http.Handler{
		"gorilla": http.HandlerFunc(gorillaConforming), "coder": libraries["coder"],
		"gobwas": libraries["gobwas"], "gws": libraries["gws"], "x/net": libraries["x/net"],
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			overTLS(t, func(t *testing.T, tls bool) {
				bare := httptest.NewUnstartedServer(handler)
				scheme := "ws"
				if tls {
					bare.TLS, scheme = selfSigned().Clone(), "wss"
					bare.StartTLS()
				} else {
					bare.Start()
				}
				t.Cleanup(bare.Close)
				_, managed := serve(t, handler, tls, drain.Config{})
				for what, pieces := range exchanges {
					// Who hangs up over bytes that are still coming resets or does not, by
					// chance: both must be seen of both.
					want, got := make(map[string]bool), make(map[string]bool)
					for range 20 {
						w := exchange(t, scheme+"://"+bare.Listener.Addr().String()+"/", pieces)
						g := exchange(t, managed, pieces)
						want[w], got[g] = true, true
						if want[g] && got[w] {
							break
						}
					}
					require.Equal(t, want, got, what)
				}
			})
		})
	}
}

// exchange returns all that comes back after the handshake, and how it ended.
func exchange(t *testing.T, url string, pieces [][]byte) string {
	t.Helper()
	p := crowd(t, 1, url)[0]
	defer p.Close()
	for _, piece := range pieces {
		if _, err := p.Write(piece); err != nil {
			break // it is gone already
		}
	}
	// A peer that never sent a close frame goes away, after what it got so far.
	if cw, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		_ = cw.CloseWrite()
	}
	back, err := io.ReadAll(p.r)
	if err != nil {
		// Whoever closes over bytes that it has not read resets the connection, and
		// what the peer has read by then is chance.
		return "reset"
	}
	return fmt.Sprintf("%x", back)
}
