//go:build unix

package wire

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/url"
)

// Opcodes of RFC 6455.
const (
	OpContinuation = 0
	OpText         = 1
	OpBinary       = 2
	OpClose        = 8
	OpPing         = 9
	OpPong         = 10
)

// Close codes that no frame carries (RFC 6455, 7.4.1).
const (
	CodeNone     = 1005 // a close frame without a code
	CodeAbnormal = 1006 // no close frame
)

// Upgrade makes the connection a WebSocket.
func (c *Conn) Upgrade(u *url.URL) error {
	nonce := make([]byte, 16)
	rand.Read(nonce)
	key := base64.StdEncoding.EncodeToString(nonce)
	request := Request("GET", u, "", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: "+key, "Origin: http://"+u.Host)
	if _, err := c.Write(request); err != nil {
		return err
	}
	h, err := c.ReadHead()
	if err != nil {
		return err
	}
	if h.Status != 101 {
		return fmt.Errorf("%s is no WebSocket: status %d", u, h.Status)
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if h.Header.Get("Sec-Websocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]) {
		return fmt.Errorf("%s is no WebSocket: wrong Sec-WebSocket-Accept", u)
	}
	return nil
}

// SendFrame writes one masked frame, a whole message.
func (c *Conn) SendFrame(op byte, payload []byte, careful bool) (written bool, err error) {
	const final, masked = 0x80, 0x80
	frame := []byte{final | op}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, masked|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, masked|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, masked|127), uint64(n))
	}
	// A mask of zeros is a mask: it keeps the payload readable in a trace.
	frame = append(frame, 0, 0, 0, 0)
	return c.Send(append(frame, payload...), careful)
}

// Frame is the head of a frame; its payload is still to be read.
type Frame struct {
	Final  bool
	Op     byte
	Length int64
}

// ReadFrame reads a frame's head.
func (c *Conn) ReadFrame() (Frame, error) {
	if _, err := c.in.Peek(1); err != nil {
		return Frame{}, breakOf(err, false)
	}
	var b [8]byte
	if _, err := io.ReadFull(c.in, b[:2]); err != nil {
		return Frame{}, breakOf(err, true)
	}
	f := Frame{Final: b[0]&0x80 != 0, Op: b[0] & 0x0f, Length: int64(b[1] & 0x7f)}
	extra := 0
	switch {
	case b[1]&0x80 != 0 || b[0]&0x70 != 0:
		return f, &Break{How: Garbled, Begun: true, Err: fmt.Errorf("not a server's WebSocket frame: % x", b[:2])}
	case f.Length == 126:
		extra = 2
	case f.Length == 127:
		extra = 8
	}
	if extra > 0 {
		if _, err := io.ReadFull(c.in, b[8-extra:]); err != nil {
			return f, breakOf(err, true)
		}
		clear(b[:8-extra])
		f.Length = int64(binary.BigEndian.Uint64(b[:]))
	}
	return f, nil
}

// Payload is the reader of a frame's payload; io.EOF is its end, everything else a *Break.
func (c *Conn) Payload(f Frame) io.Reader {
	return &body{r: &exactly{r: c.in, left: f.Length}}
}
