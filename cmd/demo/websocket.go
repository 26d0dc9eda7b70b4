package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"github.com/godrain/drain/conns"
)

// The WebSocket handlers are plain gorilla ones: all but wsWork know nothing of
// Drain.

const wsBuffer = 64 << 10

func webSockets(mux *http.ServeMux) {
	mux.HandleFunc("GET /ws", wsEcho)
	mux.HandleFunc("GET /ws/big", wsBig)
	mux.HandleFunc("GET /ws/feed", wsFeed)
	mux.HandleFunc("GET /ws/work", wsWork)
}

var upgrader = websocket.Upgrader{}

// wsEcho answers each message with itself.
func wsEcho(w http.ResponseWriter, r *http.Request) {
	conn, err := upgrader.Upgrade(w, r, nil)
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

// wsBig sends a message of mb MiB in fragments of 64 KiB, or one after another if
// mb is given several times, and reads until its peer closes.
func wsBig(w http.ResponseWriter, r *http.Request) {
	sizes := r.URL.Query()["mb"]
	if len(sizes) == 0 {
		sizes = []string{"16"}
	}
	for _, s := range sizes {
		if n, err := strconv.Atoi(s); err != nil || n < 1 || n > 1024 {
			http.Error(w, "mb must be a number from 1 to 1024", http.StatusBadRequest)
			return
		}
	}
	conn, err := (&websocket.Upgrader{WriteBufferSize: wsBuffer}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for _, s := range sizes {
		n, _ := strconv.Atoi(s)
		if sendBig(conn, n) != nil {
			return
		}
	}
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return
		}
	}
}

func sendBig(conn *websocket.Conn, mb int) error {
	message, err := conn.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return err
	}
	chunk := make([]byte, 64<<10)
	for range mb << 4 {
		if _, err := message.Write(chunk); err != nil {
			return err
		}
	}
	return message.Close()
}

// wsFeed sends the time every ms milliseconds and reads nothing at all.
func wsFeed(w http.ResponseWriter, r *http.Request) {
	ms, ok := number(w, r, "ms", 1000, 3_600_000)
	if !ok {
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for conn.WriteMessage(websocket.TextMessage, []byte(time.Now().Format(time.RFC3339Nano))) == nil {
		time.Sleep(time.Duration(ms) * time.Millisecond)
	}
}

// wsWork answers each message after ms milliseconds. The answer would come after
// the close frame of a drain if the handler did not say that it is busy.
func wsWork(w http.ResponseWriter, r *http.Request) {
	ms, ok := number(w, r, "ms", 1000, 3_600_000)
	if !ok {
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	socket := conns.WebSocketOf(conn)
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		socket.Busy()
		pause(r, time.Duration(ms)*time.Millisecond)
		err = conn.WriteMessage(kind, message)
		socket.Done()
		if err != nil {
			return
		}
	}
}
