package servers_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/godrain/drain"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/servers"
)

// unixLines is a transport that Drain does not ship: lines over a Unix socket.
// What it takes is an actors.Server: a name, Serve with a tracker, and Unbind.
// Bind is optional; with it, nothing is half started if the path cannot be had.
type unixLines struct {
	path     string
	acceptor *servers.Acceptor
}

func (u *unixLines) Name() string { return "lines" }

func (u *unixLines) Bind(ctx context.Context) (string, error) {
	a, err := servers.Listen(ctx, "unix", u.path)
	u.acceptor = a
	return u.path, err
}

// Serve accepts until Unbind. Track makes each connection a part of the tree, and
// conns.Conn.Serve runs its handler: what panics ends its connection alone.
func (u *unixLines) Serve(t conns.Tracker) error {
	return u.acceptor.Each(func(nc net.Conn) {
		c, err := t.Track(nc)
		if err != nil {
			return // the server is gone, and nc is closed
		}
		c.OnLeave(func(w io.Writer) { _, _ = io.WriteString(w, "goodbye\n") })
		go func() {
			if err := c.Serve(u.handle); err != nil {
				fmt.Println(err)
			}
		}()
	})
}

func (u *unixLines) Unbind(ctx context.Context) error { return u.acceptor.Unbind(ctx) }

// handle answers each line. It says Begin for each, since the next one may lie in its
// buffer already, and Idle when the answer is written: between that and the next line,
// the connection may be asked to leave.
func (u *unixLines) handle(_ context.Context, c servers.Conn) {
	for r := bufio.NewReader(c); ; c.Idle() {
		text, err := r.ReadString('\n')
		if err != nil {
			return // the peer has gone, or we are leaving
		}
		c.Begin(&conns.Unit{Path: strings.TrimSpace(text)}) // what the Report calls it
		if _, err := io.WriteString(c, strings.ToUpper(text)); err != nil {
			return
		}
	}
}

// A transport of your own: the server interface, complete.
func Example_yourOwnTransport() {
	dir, _ := os.MkdirTemp("", "lines")
	defer func() { _ = os.RemoveAll(dir) }()
	server := &unixLines{path: filepath.Join(dir, "socket")}

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	config := drain.Config{Logger: quietLogger}
	h, err := config.Start(ctx, server)
	if err != nil {
		fmt.Println(err)
		return
	}

	client, err := net.Dial("unix", server.path)
	if err != nil {
		fmt.Println(err)
		return
	}
	answers := bufio.NewReader(client)
	fmt.Fprintln(client, "hello")
	answer, _ := answers.ReadString('\n')
	fmt.Print(answer)

	stop() // or SIGTERM
	answer, err = answers.ReadString('\n')
	fmt.Print(answer)
	_, err = answers.ReadString('\n')
	fmt.Println(err)
	_ = client.Close()

	report, err := h.Wait()
	fmt.Println(report.Sum().Drained, "drained, error:", err)
	// Output:
	// HELLO
	// goodbye
	// EOF
	// 1 drained, error: <nil>
}
