package servers_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/servers"
)

// shout answers each line in capitals.
func shout(_ context.Context, c servers.Conn) {
	r := bufio.NewReader(c)
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, strings.ToUpper(text)); err != nil {
			return
		}
		c.Idle()
	}
}

func tcp(h servers.TCPHandler, options ...servers.TCPOptions) *servers.TCPServer {
	return servers.TCP("127.0.0.1:0", h, options...)
}

func TestTCPIdleConnectionLeavesWithAGoodbye(t *testing.T) {
	tr := grow(t, quick(), tcp(shout, servers.TCPOptions{
		Goodbye: func(w io.Writer) { _, _ = io.WriteString(w, "BYE\n") },
	}))
	used, silent := dialLine(t, "tcp", tr.addr("tcp")), dialLine(t, "tcp", tr.addr("tcp"))
	used.send("hello\n")
	used.expect("HELLO\n")
	go func() {
		for _, l := range []*line{used, silent} {
			l.expect("BYE\n")
			l.expectEnd()
			_ = l.Close()
		}
	}()
	r := tr.drained()
	require.NoError(t, r.Err(), r)
	require.Equal(t, 2, r.Sum().Drained)
	require.Less(t, r.Took, time.Second)
}

func TestTCPWorkInProgressIsFinished(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	tr := grow(t, quick(), tcp(func(_ context.Context, c servers.Conn) {
		r := bufio.NewReader(c)
		for {
			text, err := r.ReadString('\n')
			if err != nil {
				return
			}
			close(begun)
			<-finish
			_, _ = io.WriteString(c, text)
			c.Idle()
		}
	}))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	l.send("work\n")
	<-begun
	l.lastAnswer(tr, finish, "work\n")
	require.EqualValues(t, 1, tr.Gauges().Servers()["tcp"].Requests)
}

// What was read in part must not be taken for a whole: a handler that acted on
// "DELETE /" of "DELETE /tmp" would do harm.
func TestTCPHalfALineIsNotALine(t *testing.T) {
	got := make(chan error, 1)
	tr := grow(t, quick(), tcp(func(_ context.Context, c servers.Conn) {
		_, err := bufio.NewReader(c).ReadString('\n')
		got <- err
	}))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	l.send("DELETE /")
	require.Eventually(t, func() bool { return tr.Gauges().Servers()["tcp"].Busy == 1 }, 5*time.Second, time.Millisecond)
	go func() { l.expectEnd(); _ = l.Close() }()
	r := tr.drained()
	require.NoError(t, r.Err(), r)
	require.ErrorIs(t, <-got, io.ErrUnexpectedEOF)
}

// A unit that is marked by Begin may read on at its leisure.
func TestTCPBegunUnitReadsOn(t *testing.T) {
	begun := make(chan struct{})
	tr := grow(t, quick(), tcp(func(_ context.Context, c servers.Conn) {
		r := bufio.NewReader(c)
		head, err := r.ReadString('\n')
		if err != nil {
			return
		}
		c.Begin(unit(strings.TrimSpace(head)))
		close(begun)
		body, err := r.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, body)
		c.Idle()
	}))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	l.send("PUT\n")
	<-begun
	done := make(chan drain.Report)
	go func() { done <- tr.drained() }()
	<-time.After(4 * quick().IdleGrace)
	l.send("body\n")
	l.expect("body\n")
	l.expectEnd()
	_ = l.Close()
	r := <-done
	require.NoError(t, r.Err(), r)
}

func TestTCPPusherIsToldByItsContext(t *testing.T) {
	cause := make(chan error, 1)
	tr := grow(t, quick(), tcp(func(ctx context.Context, c servers.Conn) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if _, err := io.WriteString(c, "tick\n"); err != nil {
					return
				}
			case <-ctx.Done():
				cause <- context.Cause(ctx)
				_, _ = io.WriteString(c, "bye\n")
				return
			}
		}
	}))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	l.expect("tick\n")
	all := make(chan string)
	go func() {
		rest, _ := io.ReadAll(l.r)
		_ = l.Close()
		all <- string(rest)
	}()
	r := tr.drained()
	require.NoError(t, r.Err(), r)
	require.ErrorIs(t, <-cause, drain.ErrDraining)
	require.True(t, strings.HasSuffix(<-all, "tick\nbye\n"))
	require.Less(t, r.Took, time.Second)
}

// A handler that waits in the middle of its work for its context alone.
func TestTCPHandlerCanBeInterrupted(t *testing.T) {
	begun, cause := make(chan struct{}), make(chan error, 1)
	tr := grow(t, quick(), tcp(func(ctx context.Context, c servers.Conn) {
		drain.Interruptible(ctx)
		_, _ = bufio.NewReader(c).ReadString('\n')
		c.Begin(unit("WAIT"))
		close(begun)
		<-ctx.Done()
		cause <- context.Cause(ctx)
		c.Idle()
	}))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	l.send("WAIT\n")
	<-begun
	go l.expectEnd()
	r := tr.drained()
	require.NoError(t, r.Err(), r)
	require.ErrorIs(t, <-cause, drain.ErrDraining)
}

func TestTCPStragglerIsKilledAndNamed(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	config := quick()
	config.Timeout = 300 * time.Millisecond
	tr := grow(t, config, tcp(func(_ context.Context, c servers.Conn) {
		c.SetProtocol("mining")
		_, _ = bufio.NewReader(c).ReadString('\n')
		c.Begin(unit("MINE gold"))
		close(begun)
		<-release
	}))
	l := dialLine(t, "tcp", tr.addr("tcp"))
	l.send("MINE gold\n")
	<-begun
	r := tr.drained()
	require.ErrorIs(t, r.Err(), drain.ErrCut)
	s := r.Sum()
	require.Equal(t, []int{1, 1, 1}, []int{s.Killed, s.Lost, s.Running}, r)
	require.Equal(t, "MINE gold", r.Servers[0].Stragglers[0].Request)
	require.Equal(t, "mining", r.Servers[0].Stragglers[0].Protocol)
	require.LessOrEqual(t, r.Took, config.Timeout+50*time.Millisecond)
}

func TestTCPPanicEndsItsConnectionAlone(t *testing.T) {
	var text strings.Builder
	logged := make(chan struct{})
	tr := grow(t, quick(), tcp(func(ctx context.Context, c servers.Conn) {
		first := make([]byte, 1)
		if _, err := c.Read(first); err == nil && first[0] == '!' {
			panic("boom")
		}
		shout(ctx, c)
	}, servers.TCPOptions{ErrorLog: log.New(writerFunc(func(p []byte) (int, error) {
		defer close(logged)
		return text.Write(p)
	}), "", 0)}))
	good, bad := dialLine(t, "tcp", tr.addr("tcp")), dialLine(t, "tcp", tr.addr("tcp"))
	bad.send("!")
	bad.expectEnd()
	<-logged
	require.Contains(t, text.String(), "boom")
	require.Contains(t, text.String(), "tcp_test.go")
	good.send("?still here\n")
	good.expect("STILL HERE\n")
	_ = good.Close()
	require.EqualValues(t, 1, tr.Gauges().Servers()["tcp"].Crashed)
}

// What a handler has written last arrives, although it has not read everything.
func TestTCPLastAnswerIsNotDestroyedByAReset(t *testing.T) {
	const size = 1 << 20
	tr := grow(t, quick(), tcp(func(_ context.Context, c servers.Conn) {
		_, _ = c.Read(make([]byte, 1))
		_, _ = c.Write(make([]byte, size))
	}))
	for range 10 {
		l := dialLine(t, "tcp", tr.addr("tcp"))
		l.send(strings.Repeat("unread", 10_000))
		n, err := io.Copy(io.Discard, l.r)
		require.NoError(t, err)
		require.EqualValues(t, size, n)
		_ = l.Close()
	}
}

func TestTCPAcceptQueueIsServed(t *testing.T) {
	tr := grow(t, quick(), tcp(shout, servers.TCPOptions{MaxConns: 1}))
	var queued []*line
	for i := range 20 {
		l := dialLine(t, "tcp", tr.addr("tcp"))
		l.send(fmt.Sprintf("line %d\n", i))
		queued = append(queued, l)
	}
	done := make(chan drain.Report)
	go func() { done <- tr.drained() }()
	for i, l := range queued {
		l.expect(fmt.Sprintf("LINE %d\n", i))
		_ = l.Close()
	}
	r := <-done
	require.NoError(t, r.Err(), r)
}

func TestTCPOverTLS(t *testing.T) {
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	defer web.Close()
	tr := grow(t, quick(), tcp(shout, servers.TCPOptions{
		Name: "tls", TLSConfig: &tls.Config{Certificates: web.TLS.Certificates},
		Goodbye: func(w io.Writer) { _, _ = io.WriteString(w, "BYE\n") },
	}))
	nc, err := tls.Dial("tcp", tr.addr("tls"), &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	l := lineOn(t, nc)
	l.send("hello\n")
	l.expect("HELLO\n")
	noHello := dialLine(t, "tcp", tr.addr("tls")) // must not hold the shutdown up
	go func() {
		l.expect("BYE\n")
		l.expectEnd()
		_ = l.Close()
	}()
	r := tr.drained()
	require.NoError(t, r.Err(), r)
	require.Less(t, r.Took, time.Second)
	noHello.expectEnd()
}

func TestTCPIsServedAgain(t *testing.T) {
	s := tcp(shout)
	for range 3 {
		tr := grow(t, quick(), s)
		addr := tr.addr("tcp")
		l := dialLine(t, "tcp", addr)
		l.send("x\n")
		l.expect("X\n")
		require.NoError(t, tr.Suspend(t.Context(), "tcp"))
		require.NoError(t, tr.Resume(t.Context(), "tcp"))
		require.Equal(t, addr, tr.addr("tcp"), "any port was asked for: the one that clients know is kept")
		l.send("y\n")
		l.expect("Y\n")
		_ = l.Close()
		require.NoError(t, tr.drained().Err())
	}
}

// outOfFiles is a listener in a process that has no descriptors left.
type outOfFiles struct {
	net.Listener
	calls atomic.Int64
	woken chan struct{}
	once  sync.Once
}

func (l *outOfFiles) Accept() (net.Conn, error) {
	if l.calls.Add(1) > 4 {
		select {
		case <-l.woken:
			return nil, net.ErrClosed
		default:
		}
	}
	return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
}

func (l *outOfFiles) Close() error                { l.once.Do(func() { close(l.woken) }); return nil }
func (l *outOfFiles) SetDeadline(time.Time) error { return nil }
func (l *outOfFiles) Addr() net.Addr              { return &net.TCPAddr{} }

func TestAcceptorBacksOffAndIsWokenByUnbind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := &outOfFiles{woken: make(chan struct{})}
		a := servers.Accept(ln)
		ended := make(chan error, 1)
		go func() { ended <- a.Each(func(net.Conn) {}) }()
		time.Sleep(10 * time.Second) // of the bubble: the back-off is the subject
		synctest.Wait()
		// 5, 10, 20, …, 640 ms, then once a second.
		require.InDelta(t, 17, ln.calls.Load(), 2)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		require.NoError(t, a.Unbind(ctx))
		require.NoError(t, <-ended)
		require.LessOrEqual(t, time.Since(start), 60*time.Millisecond)
	})
}

func TestTCPSaysWhatIsWrong(t *testing.T) {
	_, err := drain.Config{}.Start(t.Context(), servers.TCP("127.0.0.1:0", nil))
	require.ErrorContains(t, err, "no handler")
	_, err = drain.Config{}.Start(t.Context(), servers.TCP("127.0.0.1:99999", shout))
	require.ErrorContains(t, err, "99999")
	_, err = drain.Config{}.Start(t.Context(), servers.TCP("", shout))
	require.ErrorContains(t, err, "no address", "net.Listen takes it for any port, on every interface")
	_, err = drain.Config{}.Start(t.Context(), tcp(shout, servers.TCPOptions{TLSConfig: &tls.Config{}}))
	require.ErrorContains(t, err, "no certificate", "every handshake would fail")
	s := tcp(shout)
	grow(t, quick(), s)
	_, err = drain.Config{}.Start(t.Context(), s)
	require.ErrorContains(t, err, "served already")
}

func unit(line string) *conns.Unit { return &conns.Unit{Path: line} }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
