package grpcserver_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/godrain/drain"
	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/servers/grpcserver"
)

// Who says nothing, or stops in the middle of the first word, holds up neither the
// drain nor the goodbye of others: whatever the grace, in a short drain half of it.
func TestWhoSaysNothingHoldsUpNobody(t *testing.T) {
	for name, c := range transports(t) {
		for saying, said := range map[string]string{"nothing": "", "half a word": "\x16\x03\x01"} {
			if said != "" && name == "plain" {
				said = conns.H2Preface[:3]
			}
			t.Run(name+", "+saying, func(t *testing.T) {
				t.Parallel()
				options, timeout := c.options, 5*time.Second
				if said == "" {
					options.IdleGrace, options.Linger, timeout = time.Minute, time.Minute, time.Second
				}
				h := start(t, timeout, new(echo).server(options, c.server...))
				_, err := say(dial(t, h.Addrs()["grpc"], c.client...), "x")
				require.NoError(t, err)
				silent, err := net.Dial("tcp", h.Addrs()["grpc"])
				require.NoError(t, err)
				defer silent.Close()
				_, err = io.WriteString(silent, said)
				require.NoError(t, err)
				require.Eventually(t, func() bool { return h.Gauges().Servers()["grpc"].Open == 2 }, 5*time.Second, time.Millisecond)
				r := shutdown(h)
				require.NoError(t, r.Err(), r)
				require.Less(t, r.Took, time.Second)
			})
		}
	}
}

// mute connects as a client that says no more than that, and reads what it is told.
func mute(t *testing.T, addr string, secure bool) net.Conn {
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	if secure {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	}
	_, err = io.WriteString(nc, conns.H2Preface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00") // SETTINGS
	require.NoError(t, err)
	return nc
}

// goAways are the last streams that nc is told of, until it is closed.
func goAways(t *testing.T, nc net.Conn) (last []uint32) {
	for header := make([]byte, 9); ; {
		if _, err := io.ReadFull(nc, header); err != nil {
			require.ErrorIs(t, err, io.EOF)
			return last
		}
		frame := make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
		_, err := io.ReadFull(nc, frame)
		require.NoError(t, err)
		if header[3] == 7 {
			last = append(last, binary.BigEndian.Uint32(frame)&(1<<31-1))
		}
	}
}

// gRPC waits for the answer to its PING for five seconds. A client that is asleep is not
// waited for so long; it finds, when it wakes, that nothing it may have said was processed.
func TestAnIdlePeerThatDoesNotAnswerIsNotWaitedFor(t *testing.T) {
	for name, c := range transports(t) {
		if c.options.OwnCredentials {
			continue // nobody can answer for it
		}
		t.Run(name, func(t *testing.T) {
			e, begun, finish := held()
			h := start(t, 4*time.Second, e.server(c.options, c.server...))
			nc := mute(t, h.Addrs()["grpc"], c.options.TLSConfig != nil)
			told := make(chan []uint32, 1)
			go func() { told <- goAways(t, nc) }()
			call := later(dial(t, h.Addrs()["grpc"], c.client...))
			<-begun
			require.Eventually(t, func() bool { return h.Gauges().Servers()["grpc"].Open == 2 }, 5*time.Second, time.Millisecond)
			done := make(chan drain.Report, 1)
			go func() { done <- shutdown(h) }()
			require.Equal(t, []uint32{1<<31 - 1, 0}, <-told)
			close(finish)
			require.NoError(t, <-call)
			r := <-done
			require.NoError(t, r.Err(), r)
			require.Less(t, r.Took, time.Second)
		})
	}
}

// A client that is busy fetching an answer comes to the PING late: that is behind it.
func TestWhoStillFetchesAnAnswerIsWaitedFor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere nobody can see what a peer has not taken")
	}
	answer, begun := strings.Repeat("x", 1<<19), make(chan string, 1)
	e := &echo{say: func(_ context.Context, in string) (string, error) {
		begun <- in
		return answer, nil
	}}
	h := start(t, 10*time.Second, e.server(grpcserver.Options{Settings: conns.Settings{IdleGrace: 50 * time.Millisecond}}))
	nc := mute(t, h.Addrs()["grpc"], false)
	require.NoError(t, nc.(*net.TCPConn).SetReadBuffer(32<<10))
	ask(t, nc)
	<-begun
	require.Eventually(t, func() bool { return h.Gauges().Servers()["grpc"].Busy == 0 }, 5*time.Second, time.Millisecond)
	done := make(chan drain.Report, 1)
	go func() { done <- shutdown(h) }()
	got, buf := 0, make([]byte, 16<<10)
	for {
		<-time.After(10 * time.Millisecond) // a slow client is the subject: it takes longer than the grace
		n, err := nc.Read(buf)
		got += n
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		_, _ = io.WriteString(nc, windowUpdate) // a socket that is closed over it is reset
	}
	require.Greater(t, got, len(answer))
	r := <-done
	require.NoError(t, r.Err(), r)
}

// windowUpdate gives the connection room for 16 MiB more.
const windowUpdate = "\x00\x00\x04\x08\x00\x00\x00\x00\x00\x01\x00\x00\x00"

// ask calls Say with nothing, and has room for any answer.
func ask(t *testing.T, nc net.Conn) {
	var block strings.Builder
	for _, field := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", "/drain.Echo/Say"},
		{":authority", "x"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	} {
		block.WriteByte(0) // a literal (RFC 7541, section 6.2.2)
		for _, s := range field {
			block.WriteByte(byte(len(s)))
			block.WriteString(s)
		}
	}
	var out strings.Builder
	for _, f := range []struct {
		head    string // kind, flags, stream
		payload string
	}{
		{"\x04\x00\x00\x00\x00\x00", "\x00\x04\x01\x00\x00\x00"}, // SETTINGS: the window of a stream
		{"\x01\x04\x00\x00\x00\x01", block.String()},             // HEADERS
		{"\x00\x01\x00\x00\x00\x01", "\x00\x00\x00\x00\x00"},     // DATA
	} {
		out.WriteString("\x00\x00" + string(rune(len(f.payload))) + f.head + f.payload)
	}
	_, err := io.WriteString(nc, out.String()+windowUpdate)
	require.NoError(t, err)
}
