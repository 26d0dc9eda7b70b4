//go:build unix

package wire

import (
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gorillaServer echoes, by someone else's implementation.
func gorillaServer(t *testing.T) *url.URL {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{}
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			kind, p, err := c.ReadMessage()
			if err != nil || c.WriteMessage(kind, p) != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	return u
}

func TestFramesOfEverySize(t *testing.T) {
	u := gorillaServer(t)
	c, err := Dialler{Addr: Address(u)}.Dial(t.Context())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Upgrade(u))
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
		want := strings.Repeat("x", size)
		_, err := c.SendFrame(OpText, []byte(want), true)
		require.NoError(t, err)
		f, err := c.ReadFrame()
		require.NoError(t, err)
		got, err := io.ReadAll(c.Payload(f))
		require.NoError(t, err)
		assert.True(t, f.Final)
		assert.EqualValues(t, OpText, f.Op)
		assert.Equal(t, want, string(got))
	}
	_, err = c.SendFrame(OpClose, binary.BigEndian.AppendUint16(nil, 1000), true)
	require.NoError(t, err)
	f, err := c.ReadFrame()
	require.NoError(t, err)
	assert.EqualValues(t, OpClose, f.Op)
	assert.EqualValues(t, 2, f.Length)
}

func TestFramesThatAreCut(t *testing.T) {
	for name, c := range map[string]struct {
		bytes string
		begun bool
	}{
		"nothing":       {"", false},
		"half a head":   {"\x82", true},
		"half a length": {"\x82\x7e\x01", true},
		"half a load":   {"\x82\x05hel", true},
		"masked":        {"\x82\x85\x00\x00\x00\x00hello", true},
	} {
		t.Run(name, func(t *testing.T) {
			conn := says(t, c.bytes)
			f, err := conn.ReadFrame()
			if err == nil {
				_, err = io.ReadAll(conn.Payload(f))
			}
			var b *Break
			require.ErrorAs(t, err, &b)
			assert.Equal(t, c.begun, b.Begun)
		})
	}
}

func TestUpgradeOfSomethingElse(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "x", Path: "/"}
	require.ErrorContains(t, says(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").Upgrade(u), "status 404")
	require.ErrorContains(t, says(t, "HTTP/1.1 101 OK\r\nSec-WebSocket-Accept: x\r\n\r\n").Upgrade(u), "wrong Sec-WebSocket-Accept")
}
