package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/godrain/drain/internal/socketio/clienttest"
)

// worker is a client that works until the server goes. It calls working whenever a
// piece of work is done, and returns an error if something was lost.
type worker func(working func()) error

// refused reports that a connection could not be opened, or that net/http's client had
// none that takes another HTTP/2 request: nothing was sent. It says the latter in odd
// words if it has closed the body meanwhile; a POST comes there for no other reason
// (Transport.roundTrip, persistConn.shouldRetryRequest).
func refused(err error) bool {
	var op *net.OpError
	return (errors.As(err, &op) && op.Op == "dial") || err.Error() == "net/http: cannot rewind body after connection loss"
}

// posts sends requests over one kept connection, and does not retry.
func posts(url string, h2 bool) worker {
	tr := &http.Transport{MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: h2}
	return func(working func()) error {
		defer tr.CloseIdleConnections()
		for n := 0; ; n++ {
			want := fmt.Sprint("request ", n)
			// A body that cannot be rewound is not sent twice.
			resp, err := tr.RoundTrip(must(http.NewRequest("POST", url+"/echo", io.MultiReader(strings.NewReader(want)))))
			if err != nil {
				if refused(err) {
					return nil
				}
				return err
			}
			got, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			switch {
			case err != nil:
				return err
			case resp.StatusCode == http.StatusRequestTimeout: // not processed, repeat it
			case string(got) != want:
				return fmt.Errorf("%q was answered %q", want, got)
			}
			working()
		}
	}
}

func must(r *http.Request, err error) *http.Request {
	if err != nil {
		panic(err)
	}
	return r
}

// listens hears events until the stream ends, which must not be in an event.
func listens(url string) worker {
	return func(working func()) error {
		resp, err := http.Get(url)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		var all bytes.Buffer
		for r := bufio.NewReader(io.TeeReader(resp.Body, &all)); ; working() {
			if _, err := r.ReadString('\n'); err == io.EOF {
				break
			} else if err != nil {
				return err
			}
		}
		if !bytes.HasSuffix(all.Bytes(), []byte("\n\n")) {
			return fmt.Errorf("the stream ends with %q", all.Bytes()[max(0, all.Len()-40):])
		}
		return nil
	}
}

// talks sends WebSocket messages, each of which must come back, until the close frame.
func talks(url string) worker {
	return func(working func()) error {
		ws, _, err := websocket.DefaultDialer.Dial(url, nil)
		if err != nil {
			return err
		}
		defer func() { _ = ws.Close() }()
		for n := 0; ; n++ {
			want := fmt.Sprint("message ", n)
			sent := ws.WriteMessage(websocket.TextMessage, []byte(want))
			_, got, err := ws.ReadMessage()
			switch {
			case websocket.IsCloseError(err, websocket.CloseGoingAway):
				return nil
			case err != nil:
				return errors.Join(sent, err)
			case string(got) != want:
				return fmt.Errorf("%q came back as %q", want, got)
			}
			working()
		}
	}
}

// types sends lines until the server says goodbye.
func types(addr string) worker {
	return func(working func()) error {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer func() { _ = nc.Close() }()
		r := bufio.NewReader(nc)
		for n := 0; ; n++ {
			want := fmt.Sprintf("line %d\n", n)
			_, sent := io.WriteString(nc, want)
			got, err := r.ReadString('\n')
			switch {
			case got == goodbye: // this line was not processed
				return nil
			case err != nil || got != want:
				return fmt.Errorf("%q was answered %q: %w", want, got, errors.Join(sent, err))
			}
			working()
		}
	}
}

// invokes calls without retry, until a call cannot be sent any more.
func invokes(addr string) worker {
	return func(working func()) error {
		cc, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
		if err != nil {
			return err
		}
		defer func() { _ = cc.Close() }()
		for n := 0; ; n++ {
			var out wrapperspb.StringValue
			err := cc.Invoke(context.Background(), "/drain.Demo/Echo", wrapperspb.String(fmt.Sprint(n)), &out)
			if status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), "connection refused") {
				return nil
			}
			if err != nil || out.Value != fmt.Sprint(n) {
				return fmt.Errorf("call %d: %q, %w", n, out.Value, err)
			}
			working()
		}
	}
}

// counts hears a gRPC stream to its end.
func counts(addr string) worker {
	return func(working func()) error {
		cc, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer func() { _ = cc.Close() }()
		s, err := cc.NewStream(context.Background(), &grpc.StreamDesc{ServerStreams: true}, "/drain.Demo/Ticks")
		if err != nil {
			return err
		}
		if err := errors.Join(s.SendMsg(&emptypb.Empty{}), s.CloseSend()); err != nil {
			return err
		}
		for {
			var tick wrapperspb.Int64Value
			if err := s.RecvMsg(&tick); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			working()
		}
	}
}

// Every kind of server in one process, under load of all kinds: one signal, one
// Report, nothing lost.
func TestAllKindsDrainTogether(t *testing.T) {
	const each = 10
	d := launch(t, "-https", "127.0.0.1:0", "-tcp", "127.0.0.1:0", "-grpc", "127.0.0.1:0", "-timeout", "20s")
	loads := map[string]func() worker{
		"POST":            func() worker { return posts("http://"+d.http, false) },
		"POST, TLS":       func() worker { return posts("https://"+d.addrs["https"], false) },
		"POST, h2":        func() worker { return posts("https://"+d.addrs["https"], true) },
		"events":          func() worker { return listens("http://" + d.http + "/events?ms=5") },
		"events, unaware": func() worker { return listens("http://" + d.http + "/events?ms=5&plain=1") },
		"WebSocket":       func() worker { return talks("ws://" + d.http + "/ws") },
		"lines":           func() worker { return types(d.addrs["tcp"]) },
		"gRPC":            func() worker { return invokes(d.addrs["grpc"]) },
		"gRPC stream":     func() worker { return counts(d.addrs["grpc"]) },
	}
	sio := clienttest.Start(t, "http://"+d.http, clienttest.Client4, clienttest.Upgraded, each)
	type result struct {
		name string
		err  error
	}
	results := make(chan result, each*len(loads))
	busy := make(chan struct{}, each*len(loads))
	var done atomic.Int64
	for name, l := range loads {
		for range each {
			work := l()
			go func() {
				n := 0
				err := work(func() {
					done.Add(1)
					if n++; n == 5 {
						busy <- struct{}{}
					}
				})
				results <- result{name, err}
			}()
		}
	}
	for range each * len(loads) {
		select {
		case <-busy:
		case r := <-results:
			t.Fatalf("%s ended before the drain: %v", r.name, r.err)
		}
	}
	start := time.Now()
	d.signal(syscall.SIGTERM)
	status, report := d.wait()
	took := time.Since(start)
	for range each * len(loads) {
		if r := <-results; r.err != nil {
			t.Errorf("%s: %v", r.name, r.err)
		}
	}
	for _, gone := range sio.AwaitGone() {
		require.Equal(t, clienttest.Gone{Reason: "transport close", Code: 1001}, gone)
	}
	require.Equal(t, exitClean, status, report+d.stderr.String())
	for _, server := range []string{"http ", "https ", "tcp ", "grpc "} {
		require.Contains(t, report, server)
	}
	t.Logf("%d pieces of work, exit after %s\n%s", done.Load(), took.Round(time.Millisecond), report)
}

// 200 streams of events are gone at once, whether they watch or not.
func TestEventsAreGoneAtOnce(t *testing.T) {
	for _, plain := range []string{"", "&plain=1"} {
		d := launch(t)
		results := make(chan error, 200)
		var ready atomic.Int64
		all := make(chan struct{})
		for range 200 {
			go func() {
				n := 0
				results <- listens("http://" + d.http + "/events?ms=20" + plain)(func() {
					if n++; n == 3 && ready.Add(1) == 200 {
						close(all)
					}
				})
			}()
		}
		<-all
		start := time.Now()
		d.signal(syscall.SIGTERM)
		status, report := d.wait()
		took := time.Since(start)
		for range 200 {
			require.NoError(t, <-results)
		}
		require.Equal(t, exitClean, status, report)
		require.Less(t, took, time.Second, report) // of a demo that the race detector slows down
		t.Logf("plain=%v: exit after %s\n%s", plain != "", took.Round(time.Millisecond), report)
	}
}
