package conns

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A pipelined request is never taken for the end of the one before it: "alone"
// is what net/http itself finds nothing behind.
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
		{"chunks without an end", chunkedPost + "7\r\n\r\n0\r\n\r\n", -1, false},
		{"chunks, then a port that ends in 0", chunkedPost + "0\r\n\r\nGET / HTTP/1.1\r\nHost: x:8080\r\n\r\n", -1, false},
		{"chunks twice", chunkedPost + "0\r\n\r\n" + chunkedPost + "0\r\n\r\n", -1, false},
		{"chunks and trailers, in doubt", chunkedPost + "0\r\nX: y\r\n\r\n", -1, false},
	} {
		var h head
		h.follow([]byte(c.received))
		assert.Equal(t, c.alone, h.alone(c.length), c.name)
	}
}

const chunkedPost = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

// FuzzHead: whatever is received, in whatever pieces, the verdict is that of the
// whole; and it never is "alone" if net/http finds something behind the request.
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
			if whole.alone(length) != pieces.alone(length) {
				t.Fatalf("a body of %d: alone is %t of the whole, %t of the pieces", length, whole.alone(length), pieces.alone(length))
			}
		}

		br := bufio.NewReader(bytes.NewReader(received))
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		if _, err = io.Copy(io.Discard, r.Body); err != nil {
			if whole.alone(r.ContentLength) {
				t.Fatalf("alone, with a body that net/http does not take: %v", err)
			}
			return
		}
		if n, _ := io.Copy(io.Discard, br); n > 0 && whole.alone(r.ContentLength) {
			t.Fatalf("alone, with %d bytes behind it", n)
		} else if n == 0 && !whole.alone(r.ContentLength) && r.ContentLength >= 0 {
			t.Fatal("a request with a known length, and nothing behind it, is alone")
		}
	})
}
