package conns

import (
	"bufio"
	"net"
	"strings"
	"testing"

	"github.com/godrain/drain/messages"
)

// still is a net.Conn that costs nothing: what is left is ours.
type still struct {
	net.Conn
	frame []byte
}

func (s *still) Read(p []byte) (int, error)  { return copy(p, s.frame), nil }
func (s *still) Write(p []byte) (int, error) { return len(p), nil }

type nobody struct{}

func (nobody) Busy()                       {}
func (nobody) Idle()                       {}
func (nobody) Ended(messages.Outcome, int) {}

func BenchmarkEcho(b *testing.B) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	in := append([]byte{0x81, maskBit | 64, 1, 2, 3, 4}, make([]byte, 64)...)
	out := append([]byte{0x81, 64}, make([]byte, 64)...)
	c := New(NewGroup("bench", Settings{}), &still{near, in})
	c.Own(nobody{})
	c.Begin(&Unit{})
	rw := bufio.NewReadWriter(bufio.NewReader(strings.NewReader("")), nil)
	k, _ := c.Hijack(&Unit{}, WebSocketGranted, rw)
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = k.Read(buf)
		_, _ = k.Write(out)
	}
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		now()
	}
}
