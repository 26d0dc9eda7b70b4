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
	matched uint8         // bytes of the blank line that ended the last Read
	done    bool          // the header is complete
	lost    bool          // where the request began is not known
	after   atomic.Int64  // bytes received behind the header: net/http's background read adds to them
	tail    atomic.Uint64 // the last eight of these
}

var blankLine = []byte("\r\n\r\n")

func (h *head) reset() {
	h.matched, h.done, h.lost = 0, false, false
	h.after.Store(0)
	h.tail.Store(0)
}

// lose is called when a request came out of the server's buffer.
func (h *head) lose() { h.lost = true }

func (h *head) follow(p []byte) {
	if h.lost {
		return
	}
	if h.done {
		h.body(p)
		return
	}
	// The blank line may be split over two Reads.
	for h.matched > 0 && len(p) > 0 && !h.done {
		if p[0] != blankLine[h.matched] {
			h.matched = 0
			break
		}
		h.matched++
		p = p[1:]
		h.done = int(h.matched) == len(blankLine)
	}
	if !h.done {
		if i := bytes.Index(p, blankLine); i >= 0 {
			h.done = true
			p = p[i+len(blankLine):]
		} else {
			h.matched = suffixMatch(p)
			return
		}
	}
	h.body(p)
}

// body counts what came behind the header and keeps its end.
func (h *head) body(p []byte) {
	h.after.Add(int64(len(p)))
	tail := h.tail.Load()
	for _, b := range p[max(0, len(p)-8):] {
		tail = tail<<8 | uint64(b)
	}
	h.tail.Store(tail)
}

// suffixMatch is how many bytes at the end of p begin a blank line.
func suffixMatch(p []byte) uint8 {
	for n := min(len(p), len(blankLine)-1); n > 0; n-- {
		if bytes.HasSuffix(p, blankLine[:n]) {
			return uint8(n)
		}
	}
	return 0
}

// alone reports whether exactly one request has been received, with a body of
// contentLength bytes; -1 is a chunked one, which must have ended
// (RFC 9112, section 7.1).
func (h *head) alone(contentLength int64) bool {
	if h.lost || !h.done {
		return false
	}
	if contentLength < 0 {
		const lastChunk = '0'<<32 | '\r'<<24 | '\n'<<16 | '\r'<<8 | '\n'
		return h.tail.Load()&(1<<40-1) == lastChunk
	}
	return h.after.Load() == contentLength
}

// MayAnnounceClose reports whether the response to the request in progress may
// say "Connection: close": nothing but this request has been received.
func (c *Conn) MayAnnounceClose(contentLength int64) bool {
	return c.head.alone(contentLength) && !c.pending()
}
