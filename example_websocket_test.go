package drain_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// A gorilla handler, unchanged: the drain waits for the message in progress, sends
// the close frame, and waits for the client's.
func Example_webSocket() {
	echo := func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, message, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, message) != nil {
				return
			}
		}
	}

	config := drain.Config{}
	config.CloseCode, config.CloseReason = 1012, "back in a minute"
	closedWith(config, echo)
	// Output: websocket: close 1012: back in a minute
}

// One line more: this connection's own close code.
func ExampleWebSocketOf() {
	closedWith(drain.Config{}, func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		_ = drain.WebSocketOf(conn).CloseWith(4001, "ask for another region")
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	})
	// Output: websocket: close 4001: ask for another region
}

// An answer that takes its time: the close frame waits for it.
func ExampleWebSocket_Busy() {
	answer := func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		socket := drain.WebSocketOf(conn)
		for {
			kind, question, err := conn.ReadMessage()
			if err != nil {
				return
			}
			busy := socket.Busy() // false: it is too late to promise an answer
			<-socket.Draining()   // here: work that is still going on when the drain begins
			err = conn.WriteMessage(kind, append(question, " yes"...))
			if busy {
				socket.Done()
			}
			if err != nil {
				return
			}
		}
	}
	closedWith(drain.Config{}, answer, "is it done?")
	// Output:
	// is it done? yes
	// websocket: close 1001 (going away)
}

// closedWith serves a handler, connects, sends what is to be sent, shuts down and
// prints what comes back.
func closedWith(config drain.Config, handler http.HandlerFunc, messages ...string) {
	ctx := context.Background()
	h, err := config.Start(ctx, servers.HTTP(&http.Server{Addr: "127.0.0.1:0", Handler: handler}))
	if err != nil {
		fmt.Println(err)
		return
	}
	client, _, err := websocket.DefaultDialer.Dial("ws://"+h.Addrs()["http"], nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range messages {
		_ = client.WriteMessage(websocket.TextMessage, []byte(m))
	}
	go func() { _, _ = h.Shutdown(ctx) }()
	for {
		_, message, err := client.ReadMessage()
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(string(message))
	}
	_ = client.Close()
	_, _ = h.Wait()
}
