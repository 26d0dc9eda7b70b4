//go:build unix

package testserver

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	opBinary = 2
	opClose  = 8
	opPong   = 10

	goingAway = 1001
)

func (c *conn) upgrade(req *http.Request) {
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	io.WriteString(c.stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "+
		base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
}

// echo repeats messages. At the stop, Clean says goodbye at a message's boundary and awaits the answer; any other mode just
// leaves.
func (c *conn) echo(req *http.Request) bool {
	c.upgrade(req)
	for {
		if c.isStopping() {
			c.tcp.SetReadDeadline(time.Now().Add(grace))
		}
		op, payload, err := c.readFrame()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.goodbye()
			return false
		case err != nil || op == opClose:
			return false
		case op != opPong:
			c.writeFrame(op, payload)
		}
	}
}

// big sends one message. Clean finishes it and says goodbye.
func (c *conn) big(req *http.Request, size int) bool {
	c.upgrade(req)
	if c.Mode == CutAfterHeader {
		c.writeHead(opBinary, size)
		c.stream.Write(make([]byte, size/2))
		return false
	}
	c.fragments(size)
	<-c.stopping.Done()
	c.goodbye()
	return false
}

func (c *conn) goodbye() {
	if c.Mode != Clean {
		return
	}
	c.writeFrame(opClose, binary.BigEndian.AppendUint16(nil, goingAway))
	c.tcp.SetReadDeadline(time.Now().Add(4 * grace))
	for {
		if op, _, err := c.readFrame(); err != nil || op == opClose {
			return
		}
	}
}

func (c *conn) readFrame() (op byte, payload []byte, err error) {
	var b [14]byte
	if _, err = io.ReadFull(c.in, b[:2]); err != nil {
		return 0, nil, err
	}
	n := int(b[1] & 0x7f)
	switch n {
	case 126:
		_, err = io.ReadFull(c.in, b[2:4])
		n = int(binary.BigEndian.Uint16(b[2:4]))
	case 127:
		_, err = io.ReadFull(c.in, b[2:10])
		n = int(binary.BigEndian.Uint64(b[2:10]))
	}
	if err != nil {
		return 0, nil, err
	}
	if _, err = io.ReadFull(c.in, b[10:14]); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.in, payload)
	for i := range payload {
		payload[i] ^= b[10+i%4]
	}
	return b[0] & 0x0f, payload, err
}

// fragments writes a message in many frames, as gorilla's writers do.
func (c *conn) fragments(size int) {
	const piece = 4 << 10
	frame := append(binary.BigEndian.AppendUint16([]byte{opBinary, 126}, piece), make([]byte, piece)...)
	for range size / piece {
		c.stream.Write(frame)
		frame[0] = 0
	}
	c.stream.Write([]byte{0x80, 0})
}

func (c *conn) writeHead(op byte, n int) {
	c.stream.Write(binary.BigEndian.AppendUint64([]byte{0x80 | op, 127}, uint64(n)))
}

func (c *conn) writeFrame(op byte, payload []byte) {
	if len(payload) < 126 {
		c.stream.Write(append([]byte{0x80 | op, byte(len(payload))}, payload...))
		return
	}
	c.writeHead(op, len(payload))
	c.stream.Write(payload)
}
