// Package clienttest runs the real Socket.IO clients, under Node, against a
// server in a test. Their npm packages are installed when first needed.
package clienttest

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The clients there are, by the name of their package.
const (
	Client4 = "socket.io-client"   // 4.8.4
	Client3 = "socket.io-client-3" // 3.1.3
)

// The ways in which clients connect.
const (
	Polling   = "polling"
	WebSocket = "websocket"
	Upgraded  = "upgraded" // from polling to WebSocket
)

// patience bounds every wait for the clients.
const patience = 20 * time.Second

// Clients is one Node process full of clients. Each sends the event "count" with
// an id and the id's bytes, and wants the id back as the ack; then the next. One
// that is not acknowledged is sent again after a reconnect.
type Clients struct {
	t     testing.TB
	stdin io.WriteCloser
	lines chan line
	count int
}

// Gone is what a client saw when it lost its connection.
type Gone struct {
	// Reason is the client's word for it.
	Reason string
	// Code is the WebSocket close code; 0 over polling.
	Code int
}

type line struct {
	Ready bool     `json:"ready"`
	Back  bool     `json:"back"`
	Gone  string   `json:"gone"`
	Code  int      `json:"code"`
	Wrong string   `json:"wrong"`
	Acked []string `json:"acked"`
}

// Start runs count clients of a package and returns once all of them chat over
// the wanted transport.
func Start(t testing.TB, url, pkg, mode string, count int) *Clients {
	t.Helper()
	dir := install(t)
	node := exec.CommandContext(t.Context(), "node", filepath.Join(dir, "clients.cjs"), url, pkg, mode, strconv.Itoa(count))
	node.Stderr = os.Stderr
	stdin, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	c := &Clients{t: t, stdin: stdin, lines: make(chan line, 1000), count: count}
	read := make(chan struct{})
	go func() { defer close(read); c.read(stdout) }()
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = node.Process.Kill() // it has nothing left to say
		<-read
		_ = node.Wait()
	})
	c.await("start", func(l line) bool { return l.Ready })
	return c
}

func (c *Clients) read(stdout io.Reader) {
	defer close(c.lines)
	in := bufio.NewScanner(stdout)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			c.t.Errorf("clienttest: the clients said %q", in.Text())
			continue
		}
		c.lines <- l
	}
}

// await takes lines until one is the last that is wanted.
func (c *Clients) await(what string, last func(line) bool) {
	c.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case l, more := <-c.lines:
			switch {
			case !more:
				c.t.Fatalf("clienttest: the clients ended before they could %s", what)
			case l.Wrong != "":
				c.t.Fatalf("clienttest: the ack of %s has the wrong content", l.Wrong)
			case last(l):
				return
			}
		case <-limit:
			c.t.Fatalf("clienttest: the clients did not %s in %v", what, patience)
		}
	}
}

// AwaitGone waits until every client has lost its connection.
func (c *Clients) AwaitGone() []Gone {
	c.t.Helper()
	var all []Gone
	c.await("disconnect", func(l line) bool {
		if l.Gone != "" {
			all = append(all, Gone{l.Gone, l.Code})
		}
		return len(all) == c.count
	})
	return all
}

// AwaitBack waits until every client has reconnected and chats again.
func (c *Clients) AwaitBack() {
	c.t.Helper()
	c.await("reconnect", func(l line) bool { return l.Back })
}

// Stop disconnects the clients and returns the ids whose acks they have seen.
func (c *Clients) Stop() []string {
	c.t.Helper()
	if _, err := io.WriteString(c.stdin, "stop\n"); err != nil {
		c.t.Fatal(err)
	}
	var acked []string
	c.await("stop", func(l line) bool { acked = l.Acked; return acked != nil })
	return acked
}
