package conns

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

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
func (o listenerOwner) Ended(outcome messages.Outcome, lost int) {
	o.ended <- ending{outcome, lost > 0}
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
	return newPairAfter(t, s, upgrade, func(*Conn) {})
}

// newPairAfter is newPair, with something done before the handler takes over.
func newPairAfter(t require.TestingT, s Settings, upgrade Upgrade, before func(*Conn)) *pair {
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
	c.Begin(&Unit{Method: "GET", Path: "/ws"})
	before(c)
	rw := bufio.NewReadWriter(bufio.NewReader(strings.NewReader("")), nil)
	p.k, _ = c.Hijack(&Unit{Method: "GET", Path: "/ws"}, upgrade, rw)
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
