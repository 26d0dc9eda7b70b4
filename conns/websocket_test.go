package conns

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/godrain/drain/messages"
)

// ending is what an owner heard of a connection's end.
type ending struct {
	outcome messages.Outcome
	lost    bool
}

type listenerOwner struct{ ended chan ending }

func (listenerOwner) Busy() {}
func (listenerOwner) Idle() {}
func (o listenerOwner) Ended(outcome messages.Outcome, lost bool) {
	o.ended <- ending{outcome, lost}
}

// pair is a WebSocket on a real socket: k is the handler's, peer the other end.
type pair struct {
	require.TestingT
	k     *Takeover
	peer  *net.TCPConn
	r     *bufio.Reader
	ended chan ending
}

const patience = 20 * time.Second

func newPair(t require.TestingT, s Settings, upgrade Upgrade) *pair {
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	served, err := ln.Accept()
	require.NoError(t, err)
	_ = nc.SetDeadline(time.Now().Add(patience))
	g := NewGroup("test", s)
	c := New(g, served)
	c.FollowHTTP1()
	p := &pair{TestingT: t, peer: nc.(*net.TCPConn), r: bufio.NewReader(nc), ended: make(chan ending, 1)}
	c.Own(listenerOwner{p.ended})
	c.Begin(&Unit{Protocol: "HTTP/1.1", Method: "GET", Path: "/ws"})
	rw := bufio.NewReadWriter(bufio.NewReader(strings.NewReader("")), nil)
	p.k, _ = c.Hijack(&Unit{Protocol: "HTTP/1.1", Method: "GET", Path: "/ws"}, upgrade, rw)
	c.Return(true) // the handler is the test: nobody waits for it
	return p
}

func (p *pair) socket() WebSocket { return WebSocket{p.k} }

// leave asks the connection to leave, as a drain does.
func (p *pair) leave() {
	p.k.group.Drain(time.Now().Add(patience))
	p.k.Leave()
}

// frame reads one frame of the server's: its first byte and its payload.
func (p *pair) frame() (byte, string) {
	head := make([]byte, 2)
	_, err := io.ReadFull(p.r, head)
	require.NoError(p, err)
	length := int(head[1])
	if length == 126 {
		more := make([]byte, 2)
		_, err = io.ReadFull(p.r, more)
		require.NoError(p, err)
		length = int(binary.BigEndian.Uint16(more))
	}
	payload := make([]byte, length)
	_, err = io.ReadFull(p.r, payload)
	require.NoError(p, err)
	return head[0], string(payload)
}

func (p *pair) expectMessage(want string) {
	first, payload := p.frame()
	require.Equal(p, byte(finBit|1), first)
	require.Equal(p, want, payload)
}

// expectClose reads the close frame, answers it and reads the end.
func (p *pair) expectClose(code int, reason string) {
	first, payload := p.frame()
	require.Equal(p, byte(finBit|opClose), first)
	require.Equal(p, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason, payload)
	p.send([]byte{finBit | opClose, maskBit | 2, 0, 0, 0, 0, 3, 0xe9})
	p.expectEnd()
}

func (p *pair) expectEnd() {
	_, err := p.r.ReadByte()
	require.ErrorIs(p, err, io.EOF)
	_ = p.peer.Close()
}

func (p *pair) send(b []byte) {
	_, err := p.peer.Write(b)
	require.NoError(p, err)
}

func (p *pair) expectOutcome(want messages.Outcome, lost bool) {
	select {
	case e := <-p.ended:
		require.Equal(p, ending{want, lost}, e)
	case <-time.After(patience):
		require.FailNow(p, "the connection did not end")
	}
}

func text(s string) []byte { return append([]byte{finBit | 1, byte(len(s))}, s...) }

func maskedText(s string) []byte {
	return append([]byte{finBit | 1, maskBit | byte(len(s)), 0, 0, 0, 0}, s...)
}

func TestTheHandlersOwnCodeAndReason(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{CloseCode: 1012}, WebSocketGranted)
	require.NoError(t, p.socket().CloseWith(4001, "moved"))
	require.Error(t, p.socket().CloseWith(1005, ""))
	p.leave()
	p.expectClose(4001, "moved")
	p.expectOutcome(messages.OutcomeDrained, false)
	require.False(t, p.socket().Busy(), "it is too late")
}

func TestMarksAreCounted(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	require.True(t, p.socket().Busy())
	require.True(t, p.socket().Busy())
	p.leave()
	p.socket().Done()
	_, err := p.k.Write(text("one is done"))
	require.NoError(t, err)
	p.expectMessage("one is done")
	require.Equal(t, messages.StateBusy, p.k.Snapshot().State)
	_, err = p.k.Write(text("and the other"))
	require.NoError(t, err)
	p.socket().Done()
	p.socket().Done() // one too many does no harm
	p.expectMessage("and the other")
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestTheHandlersGoodbyeComesBeforeTheCloseFrame(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.socket().OnGoodbye(func() { _, _ = p.k.Write(text("farewell")) })
	p.leave()
	p.expectMessage("farewell")
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestTheHandlersGoodbyeIsSaidInAFlood(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.socket().OnGoodbye(func() { _, _ = p.k.Write(text("farewell")) })
	stopped := make(chan error)
	go func() {
		for {
			if _, err := p.k.Write(text("flood")); err != nil {
				stopped <- err
				return
			}
		}
	}()
	p.leave()
	farewells := 0
	for {
		first, payload := p.frame()
		if first == finBit|opClose {
			break
		}
		if payload == "farewell" {
			farewells++
		}
	}
	require.Equal(t, 1, farewells)
	require.ErrorIs(t, <-stopped, ErrClosing)
	p.send([]byte{finBit | opClose, maskBit | 2, 0, 0, 0, 0, 3, 0xe9})
	p.expectEnd()
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestAPanicInTheHandlersGoodbyeStaysThere(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.socket().OnGoodbye(func() { panic("on purpose") })
	p.leave()
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeCrashed, false)
}

func TestWritersThatQueueGoFirst(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	_, err := p.k.Write([]byte{1, 3, 'a'}) // the first fragment, cut in two
	require.NoError(t, err)
	p.leave()
	// Nobody else may write whole frames now; a library makes them wait outside.
	_, err = p.k.Write([]byte{'b', 'c', finBit | 9, 0}) // its end, and a ping
	require.NoError(t, err)
	_, err = p.k.Write([]byte{finBit, 1, 'd'}) // the last fragment
	require.NoError(t, err)
	_, err = p.k.Write(text("queued")) // at once behind it
	require.NoError(t, err)
	for _, want := range []byte{1, finBit | 9, finBit} {
		first, _ := p.frame()
		require.Equal(t, want, first)
	}
	p.expectMessage("queued")
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestConcurrentWritersKeepTheirFramesApart(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	const writers, each = 8, 50
	done := make(chan error)
	for range writers {
		go func() {
			var err error
			for range each {
				if _, e := p.k.Write(text("a whole frame")); e != nil {
					err = e
				}
			}
			done <- err
		}()
	}
	for range writers * each {
		p.expectMessage("a whole frame")
	}
	for range writers {
		require.NoError(t, <-done)
	}
	p.leave()
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}

// Whatever the split of the writes, and whenever Close comes, the close frame
// stands between two messages and all of them are whole.
func TestTheGoodbyeStandsBetweenMessagesOnAnySplit(t *testing.T) {
	defer goleak.VerifyNone(t)
	rapid.Check(t, func(t *rapid.T) {
		p := newPair(t, Settings{}, WebSocketAsked)
		stream := []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
		head := len(stream)
		for range rapid.IntRange(1, 4).Draw(t, "messages") {
			for range rapid.IntRange(0, 2).Draw(t, "fragments") {
				stream = append(stream, 1, 2, 'x', 'y', finBit|9, 1, '?')
			}
			stream = append(stream, text("the end")...)
		}
		leaveAt := rapid.IntRange(0, len(stream)).Draw(t, "leave at")
		var got []byte
		written := 0
		for left := false; written < len(stream); {
			if !left && written >= leaveAt {
				left = true
				p.leave()
				got = p.await(2 * settle) // the writer is slow: the goodbye had its chance
			}
			n, err := p.k.Write(stream[written:rapid.IntRange(written+1, len(stream)).Draw(t, "to")])
			if errors.Is(err, ErrClosing) {
				break // it stood between two messages
			}
			require.NoError(t, err)
			written += n
		}
		p.leave()
		want := append(stream[:written:written], closeFrame(1001, "")...)
		rest := make([]byte, len(want)-len(got))
		_, err := io.ReadFull(p.r, rest)
		require.NoError(t, err)
		require.Equal(t, want, append(got, rest...))
		var f follower
		f.follow(want[head:])
		require.Equal(t, parsed{messages: f.messages, closed: true}, parse(want[head:]))
		p.send([]byte{finBit | opClose, maskBit | 2, 0, 0, 0, 0, 3, 0xe9})
		p.expectEnd()
		p.expectOutcome(messages.OutcomeDrained, false)
	})
}

// await reads what comes in that time.
func (p *pair) await(d time.Duration) []byte {
	_ = p.peer.SetReadDeadline(time.Now().Add(d))
	got, err := io.ReadAll(p.r)
	require.ErrorIs(p, err, os.ErrDeadlineExceeded)
	_ = p.peer.SetReadDeadline(time.Now().Add(patience))
	return got
}

func TestAnAnswerThatIsNo101MakesATunnel(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{IdleGrace: -1}, WebSocketAsked)
	_, err := p.k.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\nno \x81\x02"))
	require.NoError(t, err)
	require.NotEqual(t, WebSocketProtocol, p.k.Snapshot().Protocol)
	p.leave()
	all, err := io.ReadAll(p.r)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 400 Bad Request\r\n\r\nno \x81\x02", string(all))
	_ = p.peer.Close()
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestAKillInTheMidstOfAMessageIsALoss(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	_, err := p.k.Write([]byte{1, 3, 'a'})
	require.NoError(t, err)
	p.leave()
	require.Equal(t, messages.StateBusy, p.k.Snapshot().State)
	p.k.Kill()
	p.expectOutcome(messages.OutcomeKilled, true)
	_ = p.peer.Close()
}

func TestAKillAfterTheGoodbyeCutsNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.leave()
	first, _ := p.frame()
	require.Equal(t, byte(finBit|opClose), first)
	p.k.Kill()
	p.expectOutcome(messages.OutcomeUnanswered, false)
	_ = p.peer.Close()
}

func TestAPeerThatDoesNotAnswer(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{CloseTimeout: -1}, WebSocketGranted)
	p.leave()
	first, _ := p.frame()
	require.Equal(t, byte(finBit|opClose), first)
	p.expectEnd()
	p.expectOutcome(messages.OutcomeUnanswered, false)
}

func TestWhatCameBeforeTheAnswerWaitsForTheHandler(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.send(maskedText("first"))
	buf := make([]byte, 100)
	n, err := p.k.Read(buf)
	require.NoError(t, err)
	require.Equal(t, maskedText("first"), buf[:n])
	_, err = p.k.Write(text("answered")) // and it goes away, to come back later
	require.NoError(t, err)
	p.leave()
	p.expectMessage("answered")
	first, _ := p.frame()
	require.Equal(t, byte(finBit|opClose), first)
	rest := append(maskedText("sent before the answer"), finBit|opClose, maskBit|2, 0, 0, 0, 0, 3, 0xe9)
	p.send(rest)
	p.expectEnd()
	p.expectOutcome(messages.OutcomeDrained, false)
	got := make([]byte, len(rest))
	_, err = io.ReadFull(p.k, got)
	require.NoError(t, err)
	require.Equal(t, rest, got)
	_, err = p.k.Read(buf)
	require.ErrorIs(t, err, io.EOF)
}

func TestTheHandlersOwnCloseIsTheGoodbye(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	_, err := p.k.Write(closeFrame(4000, "mine"))
	require.NoError(t, err)
	p.leave()
	p.expectClose(4000, "mine")
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestAHandlerThatClosesDuringTheDrainSaysGoodbyeToo(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	reading := make(chan error)
	go func() {
		_, err := p.k.Read(make([]byte, 1))
		reading <- err
	}()
	p.k.group.Drain(time.Now().Add(patience)) // its own turn has not come yet
	require.NoError(t, p.k.Close())
	require.NoError(t, p.k.Close())
	require.ErrorIs(t, <-reading, net.ErrClosed)
	_, err := p.k.Write(text("too late"))
	require.ErrorIs(t, err, net.ErrClosed)
	p.expectClose(1001, "")
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestSnapshotOfAWebSocket(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	_, err := p.k.Write(text("hi"))
	require.NoError(t, err)
	s := p.k.Snapshot()
	require.Equal(t, WebSocketProtocol, s.Protocol)
	require.Equal(t, messages.StateIdle, s.State)
	require.Equal(t, "GET /ws", s.Request)
	require.EqualValues(t, 4, s.Written)
	require.Less(t, s.Since, time.Second)
	require.NoError(t, p.k.Close())
	p.expectOutcome(messages.OutcomeDrained, false)
	_ = p.peer.Close()
}

func TestATakeoverIsSmall(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Takeover{}), uintptr(300))
}

// netConner is a library's connection.
type netConner struct{ net.Conn }

func (c netConner) NetConn() net.Conn { return c.Conn }

func TestFindingTheWebSocket(t *testing.T) {
	p := newPair(t, Settings{}, WebSocketGranted)
	require.Equal(t, p.socket(), WebSocketOf(p.k))
	require.Equal(t, p.socket(), WebSocketOf(netConner{netConner{p.k}}))
	require.Equal(t, p.socket(), WebSocketFrom(p.k.Context(context.Background())))
	require.NotNil(t, p.socket().Draining())
	require.NoError(t, p.k.Close())
	_ = p.peer.Close()

	for _, none := range []WebSocket{{}, WebSocketOf(netConner{p.peer}), WebSocketFrom(context.Background())} {
		require.Equal(t, WebSocket{}, none)
		require.NoError(t, none.CloseWith(1012, ""))
		require.True(t, none.Busy())
		none.Done()
		none.OnGoodbye(func() {})
		require.Nil(t, none.Draining())
	}
}
