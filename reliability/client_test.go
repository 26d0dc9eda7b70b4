package reliability

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// result is what became of something that a client waited for.
type result string

const (
	answered result = "answered"
	farewell result = "told to repeat"
	missed   result = "missed"
	excused  result = "excused" // missed, within the limits that the promises state
	gaveUp   result = "client's own fault"
	turned   result = "turned away" // no connection
)

func (w *world) note(r result, why string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.results[r]++
	if r == missed {
		w.blames = append(w.blames, fmt.Sprintf("  %s ", time.Since(time.Unix(0, w.asked.Load())))+fmt.Sprintf(why, args...))
	}
}

// client is one client's life: it uses connections until no more are to be had.
func (s *site) client(d dice) {
	for range 1 + d.IntN(4) {
		began := time.Now()
		// A handshake that is dropped while a listener closes is repeated a second later.
		nc, err := (&net.Dialer{Cancel: s.over}).Dial("tcp", s.addr) //nolint:staticcheck // a channel is what there is
		if err != nil {
			s.note(turned, "")
			return
		}
		c := &visit{site: s, dice: d, sock: nc.(*net.TCPConn), began: began, last: began}
		c.spend()
		_ = nc.Close()
	}
}

// visit is one connection of a client's.
type visit struct {
	*site
	dice
	sock  *net.TCPConn
	nc    net.Conn // over TLS, or sock
	r     *bufio.Reader
	began time.Time // before it was connected
	last  time.Time // before what the server last heard was sent
	heard bool      // something has been answered
}

func (c *visit) spend() {
	_ = c.sock.SetDeadline(time.Now().Add(patience))
	c.nc = c.sock
	mode := c.IntN(10)
	if c.chance(8) {
		c.pause(c.upTo(10 * time.Millisecond)) // silent
		if c.chance(50) {
			_ = c.sock.SetLinger(0)
		}
		return
	}
	if c.kind == secure {
		config := &tls.Config{InsecureSkipVerify: true}
		if mode < 3 {
			config.NextProtos = []string{"h2"}
		}
		layer := tls.Client(c.sock, config)
		if err := layer.Handshake(); err != nil {
			c.note(c.first(), "%s: handshake: %v", c.name, err)
			return
		}
		c.nc = layer
		c.last = time.Now().Add(-time.Since(c.began)) // the grace runs from the end of the handshake at the earliest
	}
	c.r = bufio.NewReader(c.nc)
	switch {
	case !c.speaksHTTP():
		c.talkLines()
	case mode < 3 && c.kind != given:
		c.talkHTTP2()
	case mode < 5:
		c.talkWebSocket()
	case mode < 6:
		c.talkTunnel()
	default:
		c.talkHTTP1()
	}
}

// inTime reports whether something that has been written now came before the
// server may have given the connection up as quiet.
func (c *visit) inTime() bool { return time.Since(c.last) < c.config.IdleGrace }

// first is what it is called if the first request of a connection is not
// answered: a connection may be silent for no longer than the grace, and what the
// kernel holds for a listener of the user's may be reset.
func (c *visit) first() result {
	if c.heard || (c.inTime() && c.kind != given) {
		return missed
	}
	return excused
}

func (c *visit) talkHTTP1() {
	for range 1 + c.IntN(6) {
		switch c.IntN(12) {
		case 0:
			if !c.ask("GET /flush HTTP/1.1\r\nHost: x\r\n\r\n", "part part part part part end") {
				return
			}
		case 1:
			if !c.ask("GET /big HTTP/1.1\r\nHost: x\r\n\r\n", "") {
				return
			}
		case 2:
			c.events()
			return
		case 3:
			c.trouble()
			return
		case 4:
			c.interrupted()
			return
		case 5:
			c.pipelined()
			return
		default:
			body := fmt.Sprint(c.IntN(1e6))
			if !c.ask(post(body, c.IntN(4)), body) {
				return
			}
		}
		if c.chance(40) {
			c.pause(c.upTo(10 * time.Millisecond))
		}
	}
}

func post(body string, ms int) string {
	return fmt.Sprintf("POST /echo?ms=%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", ms, len(body), body)
}

// ask sends a request, sometimes in pieces, and waits for its answer; it reports
// whether the connection can be used again.
func (c *visit) ask(request, want string) bool {
	if c.chance(10) {
		n := c.IntN(len(request))
		_, _ = io.WriteString(c.nc, request[:n])
		c.pause(c.upTo(2 * time.Millisecond))
		request = request[n:]
	}
	_, err := io.WriteString(c.nc, request)
	judgement := missed
	if !c.heard {
		judgement = c.first()
	}
	if c.config.NoFarewell && !c.inTime() {
		judgement = excused // nobody told it
	}
	return c.answer(err, judgement, want)
}

func (c *visit) answer(sent error, unless result, want string) bool {
	c.last = time.Now()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		if c.config.Linger < 0 { // the reset may have destroyed the farewell
			unless = excused
		}
		c.note(unless, "%s: no answer: %v (sent: %v), from %s", c.name, err, sent, c.sock.LocalAddr())
		return false
	}
	body, err := io.ReadAll(resp.Body)
	c.heard = true
	switch {
	case err != nil:
		c.note(missed, "%s: answer cut: %v, from %s", c.name, err, c.sock.LocalAddr())
		return false
	case resp.StatusCode == http.StatusRequestTimeout:
		c.note(farewell, "")
		return false
	case want != "" && string(body) != want, want == "" && len(body) != bigAnswer:
		if c.listener != nil && c.listener.broke.Load() {
			c.note(excused, "") // its socket was shut down in the midst of a request
			return false
		}
		c.Errorf("%s: a wrong answer: %.100q, not %.100q", c.name, body, want)
		return false
	}
	c.note(answered, "")
	return !resp.Close
}

func (c *visit) pipelined() {
	first, second := fmt.Sprint(c.IntN(1e6)), fmt.Sprint(c.IntN(1e6))
	if c.ask(post(first, 2)+post(second, 0), first) {
		c.answer(nil, missed, second)
	}
}

func (c *visit) events() {
	_, sent := io.WriteString(c.nc, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
	unless := c.first()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		if c.config.Linger < 0 || c.config.NoFarewell {
			unless = excused
		}
		c.note(unless, "%s: no events: %v (sent: %v)", c.name, err, sent)
		return
	}
	all, err := io.ReadAll(resp.Body)
	if err == nil && (strings.HasSuffix(string(all), "end") || resp.StatusCode == http.StatusRequestTimeout) {
		c.note(answered, "")
		return
	}
	c.note(missed, "%s: events cut: %v", c.name, err)
}

// trouble asks for something that will not be answered.
func (c *visit) trouble() {
	path := []string{"/panic", "/abort", "/obedient", "/deaf"}[min(c.IntN(10)/3, c.IntN(4))]
	_, _ = io.WriteString(c.nc, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = c.sock.SetReadDeadline(time.Now().Add(c.among(time.Millisecond, 20*time.Millisecond, time.Second)))
	_, _ = io.ReadAll(c.r)
	c.note(gaveUp, "")
}

// interrupted goes away in the midst of something.
func (c *visit) interrupted() {
	c.note(gaveUp, "")
	switch request := post("0123456789", 3); c.IntN(4) {
	case 0:
		_, _ = io.WriteString(c.nc, request[:c.IntN(len(request))])
	case 1:
		_, _ = io.WriteString(c.nc, request)
	case 2:
		_, _ = io.WriteString(c.nc, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
		_, _ = io.CopyN(io.Discard, c.r, 1000)
	default:
		_, _ = io.WriteString(c.nc, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n") // and reads nothing
		c.pause(c.upTo(time.Second))
	}
	c.pause(c.upTo(3 * time.Millisecond))
	if c.chance(70) {
		_ = c.sock.SetLinger(0)
	}
}
