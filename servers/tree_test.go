package servers_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
)

// tree is a running tree under test.
type tree struct {
	*drain.Handle
	t *testing.T
}

// quick are settings that make a test short.
func quick() drain.Config {
	c := drain.Config{Timeout: 5 * time.Second, Logger: quietLogger}
	c.IdleGrace, c.Linger = 50*time.Millisecond, 200*time.Millisecond
	return c
}

// grow starts servers; what is left of them is killed at the end of the test.
func grow(t *testing.T, c drain.Config, servers ...drain.Server) *tree {
	t.Helper()
	h, err := c.Start(context.Background(), servers...)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = h.ForceShutdown(context.Background())
	})
	return &tree{h, t}
}

func (tr *tree) addr(name string) string { return tr.Addrs()[name] }

// drained asks for the drain and waits for the Report.
func (tr *tree) drained() drain.Report {
	r, _ := tr.Shutdown(context.Background())
	return r
}

// line is a client of a line protocol.
type line struct {
	net.Conn
	r *bufio.Reader
	t *testing.T
}

func dialLine(t *testing.T, network, addr string) *line {
	t.Helper()
	nc, err := net.Dial(network, addr)
	require.NoError(t, err)
	return lineOn(t, nc)
}

func lineOn(t *testing.T, nc net.Conn) *line {
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	return &line{Conn: nc, r: bufio.NewReader(nc), t: t}
}

func (l *line) send(s string) {
	l.t.Helper()
	_, err := io.WriteString(l, s)
	require.NoError(l.t, err)
}

func (l *line) expect(want string) {
	l.t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(l.r, got)
	require.NoError(l.t, err, "got %q, want %q", got, want)
	require.Equal(l.t, want, string(got))
}

// expectEnd expects the end of the stream, in order, and nothing before it.
func (l *line) expectEnd() {
	l.t.Helper()
	rest, err := io.ReadAll(l.r)
	require.NoError(l.t, err)
	require.Empty(l.t, string(rest))
}

// quietLogger keeps the log out of the output.
var quietLogger = slog.New(slog.DiscardHandler)

// lastAnswer drains the tree while the connection is at work, lets its handler finish
// after longer than any quiet time, and expects its answer and an orderly end.
func (l *line) lastAnswer(tr *tree, finish chan<- struct{}, answer string) drain.Report {
	l.t.Helper()
	done := make(chan drain.Report)
	go func() { done <- tr.drained() }()
	<-time.After(4 * quick().IdleGrace)
	close(finish)
	l.expect(answer)
	l.expectEnd()
	_ = l.Close()
	r := <-done
	require.NoError(l.t, r.Err(), r)
	return r
}
