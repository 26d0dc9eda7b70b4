package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// wsClient is a WebSocket client (RFC 6455) that spends as little as it can.
type wsClient struct {
	net.Conn
	frame  []byte
	answer []byte
}

const wsRequest = "GET /ws HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// echoSize is the payload of an echoed message.
const echoSize = 64

func dialWebSocket(addr string) (client, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(nc, wsRequest); err != nil {
		return nil, err
	}
	// Nothing follows the answer until we have spoken.
	r := bufio.NewReaderSize(nc, 512)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("no WebSocket: %s", resp.Status)
	}
	c := &wsClient{Conn: nc, answer: make([]byte, 2+echoSize)}
	c.frame = append([]byte{0x82, 0x80 | echoSize, 0, 0, 0, 0}, strings.Repeat("x", echoSize)...)
	return c, nil
}

// round sends a message and waits for its echo.
func (c *wsClient) round() error {
	if _, err := c.Write(c.frame); err != nil {
		return err
	}
	_, err := io.ReadFull(c.Conn, c.answer)
	return err
}

// farewell is how a WebSocket ended.
type farewell struct {
	code int // of the close frame; 0 if there was none
	at   time.Time
	err  error
}

// awaitClose waits for the close frame, answers it and waits for the end.
func (c *wsClient) awaitClose() farewell {
	var f farewell
	header := c.answer[:2]
	if _, f.err = io.ReadFull(c.Conn, header); f.err != nil {
		return f
	}
	f.at = time.Now()
	if header[0] != 0x88 || header[1] < 2 || header[1] > echoSize {
		f.err = fmt.Errorf("no close frame: % x", header)
		return f
	}
	body := c.answer[:header[1]]
	if _, f.err = io.ReadFull(c.Conn, body); f.err != nil {
		return f
	}
	f.code = int(binary.BigEndian.Uint16(body))
	if _, f.err = c.Write([]byte{0x88, 0x82, 0, 0, 0, 0, body[0], body[1]}); f.err != nil {
		return f
	}
	if _, err := c.Read(header); err != io.EOF {
		f.err = fmt.Errorf("no end after the close frames: %w", err)
	}
	_ = c.Conn.Close()
	return f
}
