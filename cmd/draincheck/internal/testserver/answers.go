//go:build unix

package testserver

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer answers one request, and says whether the connection can carry another.
func (c *conn) answer(req *http.Request) bool {
	switch req.URL.Path {
	case "/early":
		return c.early()
	case "/stream":
		return c.begun(number(req, "ms", 100))
	case "/events":
		return c.events()
	case "/ws":
		return c.echo(req)
	case "/ws/big":
		return c.big(req, number(req, "mb", 4)<<20)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return false
	}
	switch req.URL.Path {
	case "/slow":
		time.Sleep(time.Duration(number(req, "ms", 300)) * time.Millisecond)
		body = []byte("slow")
	case "/download":
		body = make([]byte, number(req, "mb", 4)<<20)
	}
	c.executed.Add(1)
	return c.respond(req, body)
}

func number(req *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(req.URL.Query().Get(name)); err == nil {
		return n
	}
	return otherwise
}

// respond writes a response of known length, as far as the mode lets it.
func (c *conn) respond(req *http.Request, body []byte) bool {
	status, more := "200 OK", !req.Close
	if req.URL.Path == "/nowhere" {
		status = "404 Not Found"
	}
	if c.Mode == Unready {
		status = "503 Service Unavailable"
	}
	if c.isStopping() {
		switch c.Mode {
		case Mute, Hang:
			io.Copy(io.Discard, c.stream)
			return false
		case Unavailable:
			status, body, more = "503 Service Unavailable", nil, false
		case Clean:
			// Others that are pipelined behind this one have been written before the client could hear of the close.
			more = more && c.in.Buffered() > 0
		case CloseIdle, CutAfterHeader:
			more = false
		}
	}
	head := fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n", status, len(body))
	if !more {
		head += "Connection: close\r\n"
	}
	if c.Mode == CutAfterHeader && c.isStopping() {
		io.WriteString(c.stream, head+"\r\n")
		return false
	}
	_, err := c.stream.Write(append([]byte(head+"\r\n"), body...))
	return err == nil && more
}

const earlySize = 2 << 20

// early answers without having read the upload. Clean then reads on; any other closes on it.
func (c *conn) early() bool {
	fmt.Fprintf(c.stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", earlySize)
	piece := make([]byte, 16<<10)
	for range earlySize / len(piece) {
		if _, err := c.stream.Write(piece); err != nil {
			return false
		}
	}
	return false
}

// begun sends a response whose header is out long before its end.
func (c *conn) begun(ms int) bool {
	io.WriteString(c.stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
	time.Sleep(time.Duration(ms) * time.Millisecond)
	if c.isStopping() && c.Mode == CutAfterHeader {
		return false
	}
	io.WriteString(c.stream, "5\r\nended\r\n0\r\n\r\n")
	if c.isStopping() && c.Mode == Clean {
		c.tcp.SetReadDeadline(time.Now().Add(grace))
		return true
	}
	return !c.isStopping()
}

// events sends an event now and then. At the stop, Clean ends the stream, CutAfterHeader leaves it in the middle of an event.
func (c *conn) events() bool {
	io.WriteString(c.stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		event := "data: " + strings.Repeat("x", i%7) + "\n\n"
		if _, err := fmt.Fprintf(c.stream, "%x\r\n%s\r\n", len(event), event); err != nil {
			return false
		}
		select {
		case <-tick.C:
		case <-c.stopping.Done():
			if c.Mode == CutAfterHeader {
				io.WriteString(c.stream, "6\r\ndata: \r\n0\r\n\r\n")
			} else {
				io.WriteString(c.stream, "0\r\n\r\n")
			}
			return false
		}
	}
}
