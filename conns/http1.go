package conns

import (
	"bytes"
	"sync/atomic"
)

// head follows the bytes of an HTTP/1 request just far enough to say, when its
// response is about to be written, whether anything was received behind it: a
// response may announce "Connection: close" only if no pipelined request waits
// (RFC 9112, sections 9.3.2 and 9.6). In doubt it says no; the connection then
// leaves after its next response, or with a 408.
type head struct {
	http1 bool    // there are requests to follow
	ahead bool    // a Read of one byte is net/http's background read
	line  lineEnd // what the last Read ended with
	done  bool    // the header is complete
	lost  bool    // where the request began is not known
	other bool    // it may still turn out to be another protocol's: see Undecided
	begun bool    // the next request has begun, behind the one in progress
	chunk chunks
	after atomic.Int64 // bytes received behind the header: net/http's background read adds to them
	whole atomic.Int64 // how many of these a chunked body takes; 0 until it has ended, or noBody
}

// noBody is in whole: what came is no chunked body, or none that is followed.
const noBody = -1

// lineEnd is how much of a blank line was seen. net/http takes a line feed alone
// for the end of a line, as anyone may (RFC 9112, section 2.2).
type lineEnd uint8

const (
	unbegun   lineEnd = iota // empty lines before a request are passed over, as by net/http
	within                   // a line
	afterLF                  // a line has ended
	afterLFCR                // and the next is blank if it ends now
)

func (h *head) reset() {
	h.line, h.done, h.lost, h.begun = unbegun, false, h.begun, false
	h.chunk = chunks{}
	if h.after.Load() != 0 { // most requests have no body: a store costs more than a load
		h.after.Store(0)
		h.whole.Store(0)
	}
}

// answered is called when a handler has returned.
func (h *head) answered(contentLength int64) {
	h.begun = !h.lost && h.done && h.room(contentLength) < 0
}

// lose is called when a request came out of the server's buffer.
func (h *head) lose() { h.lost = true }

func (h *head) follow(p []byte) {
	if h.lost {
		return
	}
	if !h.done {
		p = h.header(p)
	}
	if h.done && len(p) > 0 {
		h.body(p)
	}
}

// header returns what of p lies behind the header.
func (h *head) header(p []byte) []byte {
	for len(p) > 0 {
		switch {
		case h.line == unbegun && (p[0] == '\r' || p[0] == '\n'):
			p = p[1:]
		case h.line > within && p[0] == '\n':
			h.done = true
			return p[1:]
		case h.line == afterLF && p[0] == '\r':
			h.line, p = afterLFCR, p[1:]
		default:
			i := bytes.IndexByte(p, '\n')
			if i < 0 {
				h.line = within
				return nil
			}
			h.line, p = afterLF, p[i+1:]
		}
	}
	return nil
}

// body counts what came behind the header, and looks for the end of a body that
// may be chunked.
func (h *head) body(p []byte) {
	before := h.after.Load()
	n, ended := h.chunk.follow(p)
	switch {
	case ended:
		h.whole.Store(before + int64(n))
	case h.chunk.part == noChunks && h.whole.Load() == 0:
		h.whole.Store(noBody)
	}
	h.after.Store(before + int64(len(p)))
}

// room is how much more may have been received without being of another request than
// the one in progress, with a body of contentLength bytes; -1 is a chunked one. It is
// negative if there is something of another one, or in doubt.
func (h *head) room(contentLength int64) int64 {
	whole, after := h.whole.Load(), h.after.Load()
	switch {
	case h.lost || !h.done:
		return -1
	case contentLength >= 0:
		return contentLength - after
	case whole == 0:
		return 0 // its end has not come yet
	case whole == noBody:
		return -1
	}
	return whole - after
}

// chunks follows a chunked body (RFC 9112, section 7.1), with the strictness of
// net/http: what is none is never at its end.
type chunks struct {
	left   uint32 // of the chunk: its size, then its bytes
	part   chunkPart
	digits uint8
}

// maxDigits of a chunk's size fit its type: a chunk of 4 GiB is none that is followed.
const maxDigits = 8

type chunkPart uint8

const (
	chunkSize      chunkPart = iota
	chunkExtension           // up to the line's end
	chunkSizeLF              // "\n" is due
	chunkData
	chunkCR // "\r" behind the data is due
	chunkLF
	trailer // a line begins, behind the last chunk's: a field, or the blank one
	trailerField
	lastLF
	noChunks // it has ended, or is not what this follows
)

// follow returns how many bytes of p belong to the body if it ends in them.
func (c *chunks) follow(p []byte) (n int, ended bool) {
	for n < len(p) && c.part != noChunks {
		if c.part == chunkData {
			skip := uint32(min(uint64(c.left), uint64(len(p)-n)))
			n += int(skip)
			if c.left -= skip; c.left == 0 {
				c.part = chunkCR
			}
			continue
		}
		ended = c.part == lastLF && p[n] == '\n'
		c.part = c.next(p[n])
		n++
	}
	return n, ended
}

func (c *chunks) next(b byte) chunkPart {
	switch {
	case (c.part == chunkSize && b == '\r' && c.digits > 0) || (c.part == chunkExtension && b == '\r'):
		return chunkSizeLF
	case c.part == chunkSize && (b == ';' || b == ' ' || b == '\t') && c.digits > 0:
		return chunkExtension
	case c.part == chunkExtension && b != '\n':
		return chunkExtension
	case c.part == chunkSize:
		d := hexDigit(b)
		if d < 0 || c.digits == maxDigits {
			return noChunks
		}
		c.digits++
		c.left = c.left<<4 | uint32(d)
		return chunkSize
	case c.part == chunkSizeLF && b == '\n' && c.left == 0:
		return trailer
	case c.part == chunkSizeLF && b == '\n':
		c.digits = 0
		return chunkData
	case c.part == chunkCR && b == '\r':
		return chunkLF
	case c.part == chunkLF && b == '\n':
		return chunkSize
	case c.part == trailer && b == '\r':
		return lastLF
	case (c.part == trailer || c.part == trailerField) && b != '\n':
		return trailerField
	case c.part == trailerField:
		return trailer
	}
	return noChunks
}

func hexDigit(b byte) int64 {
	switch {
	case '0' <= b && b <= '9':
		return int64(b - '0')
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int64(b|0x20-'a') + 10
	}
	return -1
}

// MayAnnounceClose reports whether the response to the request in progress may say
// "Connection: close": nothing but this request has been received, be it whole or not.
// A peer that has always sent more hears it when half the time of the drain is over:
// it may repeat what it gets no response to (RFC 9112, section 9.3.2).
func (c *Conn) MayAnnounceClose(contentLength int64) bool {
	if c.has(asked) && now() > c.hurry() {
		return true
	}
	room := c.head.room(contentLength)
	return room >= 0 && c.unread() <= room
}
