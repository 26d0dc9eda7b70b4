package conns

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A pipelined request is never taken for a part of the one before it: that is alone
// if net/http itself finds nothing behind it, whether all of it is here or not.
func TestNothingIsAnnouncedOverAPipelinedRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, received string
		length         int64
		alone          bool
	}{
		{"no body", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, true},
		{"half a header", "GET / HTTP/1.1\r\nHost: x\r\n", 0, false},
		{"two", "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, false},
		{"line feeds alone", "GET / HTTP/1.1\nHost: x\n\n", 0, true},
		{"two, the first with line feeds alone", "GET / HTTP/1.1\nHost: x\n\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, false},
		{"a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok", 2, true},
		{"a body and a request's first byte", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nokG", 2, false},
		{"chunks", chunkedPost + "2\r\nok\r\n0\r\n\r\n", -1, true},
		{"no chunk but the last", chunkedPost + "0\r\n\r\n", -1, true},
		{"chunks without an end", chunkedPost + "7\r\n\r\n0\r\n\r\n", -1, true},
		{"no chunks", chunkedPost + "no", -1, false},
		{"half a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\no", 2, true},
		{"chunks, then a port that ends in 0", chunkedPost + "0\r\n\r\nGET / HTTP/1.1\r\nHost: x:8080\r\n\r\n", -1, false},
		{"chunks twice", chunkedPost + "0\r\n\r\n" + chunkedPost + "0\r\n\r\n", -1, false},
		{"chunks and trailers", chunkedPost + "0\r\nX: y\r\nZ: 0\r\n\r\n", -1, true},
		{"chunks and trailers, and a request's first byte", chunkedPost + "0\r\nX: y\r\n\r\nG", -1, false},
		{"trailers with line feeds alone, in doubt", chunkedPost + "0\r\nX: y\n\n", -1, false},
		{"an extension", chunkedPost + "2 ;x=\"y\"\r\nok\r\n0;z\r\n\r\n", -1, true},
		{"an extension, and a request's first byte", chunkedPost + "2;x\r\nok\r\n0\r\n\r\nG", -1, false},
	} {
		var h head
		h.follow([]byte(c.received))
		assert.Equal(t, c.alone, h.room(c.length) >= 0, c.name)
	}
}

const chunkedPost = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

// FuzzHead: whatever is received, in whatever pieces, the verdict is that of the
// whole; and there is no room if net/http finds something behind the request.
func FuzzHead(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\nHost: x\n\nGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nokGET / HTTP/1.0\r\n\r\n",
		chunkedPost + "2;x=y\r\nok\r\n0\r\nX: 0\r\n\r\n",
		chunkedPost + "2\r\nok\r\n0\r\n\r\n" + chunkedPost + "0\r\n\r\n",
		chunkedPost + "0\r\n\r\nGET / HTTP/1.1\r\nHost: x:80\r\n\r\n",
	} {
		f.Add([]byte(s), []byte{1, 3, 250})
	}
	f.Fuzz(func(t *testing.T, received, splits []byte) {
		var whole, pieces head
		whole.follow(received)
		rest := received
		for _, n := range splits {
			k := min(int(n), len(rest))
			pieces.follow(rest[:k])
			rest = rest[k:]
		}
		pieces.follow(rest)
		for _, length := range []int64{-1, 0, 1, 2, 10} {
			if a, b := whole.room(length), pieces.room(length); a != b && max(a, b) >= 0 {
				t.Fatalf("a body of %d: there is room for %d after the whole, for %d after the pieces", length, a, b)
			}
		}

		br := bufio.NewReader(bytes.NewReader(received))
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		if _, err = io.Copy(io.Discard, r.Body); err != nil {
			return // not all of it is here, or net/http does not take it
		}
		room := whole.room(r.ContentLength)
		if n, _ := io.Copy(io.Discard, br); n > 0 && room >= 0 {
			t.Fatalf("there is room for %d, with %d bytes behind it", room, n)
		} else if n == 0 && room != 0 && r.ContentLength >= 0 {
			t.Fatalf("there is room for %d: a request with a known length, and nothing behind it, is alone", room)
		}
	})
}
