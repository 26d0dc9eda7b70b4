package conns

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/godrain/drain/messages"
)

// deaf is an Owner that minds nothing.
type deaf struct{}

func (deaf) Busy()                       {}
func (deaf) Idle()                       {}
func (deaf) Ended(messages.Outcome, int) {}

// A connection that lingers is asked to leave, and its server sets deadlines: it
// ends when its time is over all the same.
func TestLingerEndsWhoeverSetsDeadlines(t *testing.T) {
	const linger = 50 * time.Millisecond
	g := NewGroup("test", Settings{Linger: linger})
	server, client := net.Pipe()
	defer func() { _ = client.Close() }()
	c := New(g, server)
	c.Own(deaf{})
	c.step(gotByte)
	g.Drain(time.Now().Add(time.Hour))
	start := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Close()
	}()
	for asked := false; ; asked = true {
		select {
		case <-done:
			assert.GreaterOrEqual(t, time.Since(start), linger)
			assert.Less(t, time.Since(start), 20*linger)
			return
		default:
			_ = c.SetReadDeadline(time.Time{})
			if !asked {
				c.Leave()
			}
		}
	}
}

// A description counts the requests that have begun, not the streams that were opened:
// one that is refused is none.
func TestAnHTTP2ConnectionCountsItsRequests(t *testing.T) {
	c := New(NewGroup("test", Settings{}), &net.TCPConn{})
	c.Own(nobody{})
	h := c.Multiplex(nil)
	h.headers(1)
	for range 2 {
		h.Start(new(Stream))
	}
	assert.EqualValues(t, 2, c.Snapshot().Requests)
	assert.EqualValues(t, 2, c.group.Requests.Load())
}
