package conns

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/godrain/drain/messages"
)

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

func TestATunnelThatIsHalfClosedIsServedOn(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{IdleGrace: 250 * time.Millisecond}, Tunnel)
	require.NoError(t, p.peer.CloseWrite())
	_, err := p.k.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	p.leave()
	for range 5 {
		require.Empty(t, p.await(60*time.Millisecond))
		_, err = p.k.Write([]byte("x"))
		require.NoError(t, err)
		_, err = p.r.ReadByte()
		require.NoError(t, err)
	}
	p.expectEnd()
	p.expectOutcome(messages.OutcomeDrained, false)
}

func TestATunnelWhoseBytesNobodyReadsLeaves(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{IdleGrace: 20 * time.Millisecond}, Tunnel)
	p.send([]byte("for nobody"))
	p.leave()
	p.expectEnd()
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
	p.send(maskedText("no answer")) // it carries TCP's acknowledgement
	_, err := p.k.Write(text("too late"))
	require.ErrorIs(t, err, ErrClosing) // the goodbye has given the token back
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

// A proxy passes its backend's close frame on when enough has gone first: that one is the
// goodbye, and no other may follow it.
func TestTheHandlersOwnCloseIsTheOnlyOneWhenTheGoodbyeIsDue(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	_, err := p.k.Write([]byte{1, 1, 'a'})
	require.NoError(t, err)
	p.k.group.Drain(time.Now().Add(20 * time.Millisecond))
	p.k.Leave()
	require.Eventually(t, func() bool { return now() > p.k.leaver.Load().hurry }, patience, time.Millisecond)
	_, err = p.k.Write(append([]byte{finBit, 1, 'b'}, closeFrame(4000, "mine")...))
	require.NoError(t, err)
	for _, want := range []byte{1, finBit} {
		first, _ := p.frame()
		require.Equal(t, want, first)
	}
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
	require.LessOrEqual(t, unsafe.Sizeof(Takeover{}), uintptr(192), "three cache lines, with what an echo touches in two")
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
