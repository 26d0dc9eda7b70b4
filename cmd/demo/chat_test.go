package main

import (
	"encoding/json"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// enter joins the chat under a name.
func (d *demo) enter(name string) *websocket.Conn {
	conn, resp, err := websocket.DefaultDialer.Dial("ws://"+d.http+"/chat/room", nil)
	require.NoError(d, err)
	_ = resp.Body.Close()
	d.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	require.NoError(d, conn.WriteMessage(websocket.TextMessage, []byte(name)))
	return conn
}

func (d *demo) hear(conn *websocket.Conn) (l line) {
	_, data, err := conn.ReadMessage()
	require.NoError(d, err)
	require.NoError(d, json.Unmarshal(data, &l))
	return l
}

func TestChatIsHeardByEverybodyAndDrained(t *testing.T) {
	d := launch(t)
	page := d.begin("/chat")
	_ = page.Body.Close()
	assert.Equal(t, 200, page.StatusCode)
	ann := d.enter("Ann")
	assert.Equal(t, line{Text: "Ann is here", Here: 1}, d.hear(ann))
	bob := d.enter("Bob")
	assert.Equal(t, line{Text: "Bob is here", Here: 2}, d.hear(ann))
	assert.Equal(t, line{Text: "Bob is here", Here: 2}, d.hear(bob))
	require.NoError(t, bob.WriteMessage(websocket.TextMessage, []byte("hello")))
	assert.Equal(t, line{From: "Bob", Text: "hello", Here: 2}, d.hear(ann))
	assert.Equal(t, line{From: "Bob", Text: "hello", Here: 2}, d.hear(bob))
	cid := d.enter("Cid")
	assert.Equal(t, line{From: "Bob", Text: "hello", Here: 2}, d.hear(cid), "what was said before")

	d.signal(syscall.SIGTERM)
	for _, conn := range []*websocket.Conn{ann, bob, cid} {
		for {
			_, _, err := conn.ReadMessage()
			if err != nil {
				assert.True(t, websocket.IsCloseError(err, websocket.CloseGoingAway), err)
				break
			}
		}
	}
	status, out := d.wait()
	assert.Equal(t, exitClean, status, out)
}
