package servers_test

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/servers"
)

// overlapping reads lines, begins a unit for each, and has them answered elsewhere: work
// says when, and answered is told when the answer is written and Idle was called.
func overlapping(work func(line string), answered chan<- string) servers.TCPHandler {
	return func(_ context.Context, c servers.Conn) {
		left := make(chan struct{})
		n := 0
		for r := bufio.NewReader(c); ; n++ {
			text, err := r.ReadString('\n')
			if err != nil {
				break
			}
			c.Begin(unit(strings.TrimSpace(text)))
			go func() {
				work(text)
				_, _ = io.WriteString(c, text)
				c.Idle()
				answered <- text
				left <- struct{}{}
			}()
		}
		for range n {
			<-left
		}
	}
}

// The reader waits for the next unit while another goroutine ends this one.
func TestTCPUnitThatEndsElsewhereLeavesItsConnectionIdle(t *testing.T) {
	answered := make(chan string)
	tr := grow(t, quick(), tcp(overlapping(func(string) {}, answered), servers.TCPOptions{
		Goodbye: func(w io.Writer) { _, _ = io.WriteString(w, "BYE\n") },
	}))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	l.send("one\n")
	l.expect("one\n")
	<-answered
	go func() {
		l.expect("BYE\n")
		l.expectEnd()
		_ = l.Close()
	}()
	r := tr.drained()
	require.NoError(t, r.Err(), r)
	require.Equal(t, 1, r.Sum().Drained)
	require.Less(t, r.Took, time.Second)
}

// And when the drain has begun before it ends.
func TestTCPUnitThatEndsElsewhereInTheDrainIsTheLast(t *testing.T) {
	answered, begun, finish := make(chan string, 1), make(chan struct{}), make(chan struct{})
	tr := grow(t, quick(), tcp(overlapping(func(string) { close(begun); <-finish }, answered)))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	l.send("one\n")
	<-begun
	r := l.lastAnswer(tr, finish, "one\n")
	require.Less(t, r.Took, 2*time.Second)
}

// Units overlap: the connection is at work until the last of them is done.
func TestTCPUnitsAreCounted(t *testing.T) {
	answered, finish := make(chan string, 2), make(chan struct{})
	tr := grow(t, quick(), tcp(overlapping(func(line string) {
		if line == "slow\n" {
			<-finish
		}
	}, answered)))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	l.send("slow\nfast\n")
	l.expect("fast\n")
	require.Equal(t, "fast\n", <-answered)
	require.EqualValues(t, 1, tr.Gauges().Servers()["tcp"].Busy)
	r := l.lastAnswer(tr, finish, "slow\n")
	require.Equal(t, 1, r.Sum().Drained)
	require.Less(t, r.Took, 2*time.Second)
}

// A unit that came with the one before it, and waits in the handler's buffer, is one
// like any other if the handler says so.
func TestTCPBufferedUnitIsFinished(t *testing.T) {
	begun, finish := make(chan string), make(chan struct{})
	tr := grow(t, quick(), tcp(func(ctx context.Context, c servers.Conn) {
		for r := bufio.NewReader(c); ; c.Idle() {
			text, err := r.ReadString('\n')
			if err != nil {
				return
			}
			c.Begin(unit(strings.TrimSpace(text)))
			begun <- text
			select {
			case <-finish:
				_, _ = io.WriteString(c, text)
			case <-ctx.Done():
			}
		}
	}))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	l.send("one\ntwo\n")
	require.Equal(t, "one\n", <-begun)
	finish <- struct{}{}
	require.Equal(t, "two\n", <-begun)
	status, err := tr.Status(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, status.Servers[0].States.Busy)
	done := make(chan drain.Report)
	go func() { done <- tr.drained() }()
	<-time.After(4 * quick().IdleGrace) // longer than any quiet time
	finish <- struct{}{}
	l.expect("one\ntwo\n")
	l.expectEnd()
	_ = l.Close()
	r := <-done
	require.NoError(t, r.Err(), r)
}
