package conns

import (
	"errors"
	"os"
	"time"
)

// This file is what a connection does until its TLS handshake is over.

// Handshaken marks that the TLS handshake is over: the time for a first request
// begins. Whoever did the handshake calls it.
func (c *Conn) Handshaken() {
	if c.below != nil {
		c.below.shaking = nil
	}
	c.awaitsRecord()
}

// awaitsRecord is called when it is the peer's turn in a TLS handshake, as often as it
// is: how long it took us to get there is not the peer's fault.
func (c *Conn) awaitsRecord() {
	c.since.Store(now())
	if c.has(asked) {
		_ = c.applyReadDeadline()
	}
}

// shook is called when a part of a TLS handshake has come.
func (c *Conn) shook() {
	c.last.Store(now())
	if c.has(asked) {
		_ = c.applyReadDeadline()
	}
}

// waitsOn reports whether a Read of a TLS handshake that has failed shall be repeated:
// the deadline was none, or the peer has sent something that nobody has read yet.
func (c *Conn) waitsOn(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	t := now()
	if want := c.want.Load(); want != 0 && want <= t {
		return false
	}
	if due := c.due(); due == 0 || due > t {
		return c.applyReadDeadline() == nil
	}
	if !peek(c.sock()) {
		return false
	}
	// A deadline that has not passed yet makes Read try.
	return c.sock().SetReadDeadline(time.Now().Add(blindLook)) == nil
}

// Abandon marks that the connection is of no use any more, without a word: its
// handshake has failed.
func (c *Conn) Abandon() {
	c.raise(wordless)
	c.step(leave)
	_ = c.net.Close()
}
