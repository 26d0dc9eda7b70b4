//go:build unix

package scenario

import (
	"errors"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

// cast is all the clients of a trial.
type cast struct {
	ready    chan struct{}
	failed   chan error
	finished chan *Client
	clients  int
}

var errNoPose = errors.New("a client's connection was closed before it had an answer")

// enter lets n clients begin.
func (st *Stage) enter(n int) *cast {
	k := &cast{
		ready:    make(chan struct{}, n),
		failed:   make(chan error, 1),
		finished: make(chan *Client, n),
		clients:  n,
	}
	for i := range n {
		c := &Client{Stage: st, cast: k, id: i}
		go func() {
			defer func() { k.finished <- c }()
			st.scenario.Play(c)
			if !c.isReady && !c.Signalled() {
				c.Fail(errNoPose)
			}
		}()
	}
	return k
}

// await waits for all clients and forgets what they saw.
func (k *cast) await() {
	for range k.clients {
		<-k.finished
	}
}

// collect waits for all clients and adds up what they saw.
func (k *cast) collect() verdict.Trial {
	var t verdict.Trial
	t.Lines = make([]verdict.Line, k.clients)
	for range k.clients {
		c := <-k.finished
		t.Tally.Merge(c.tally)
		t.Connections += c.connections
		t.Lines[c.id] = c.line
		if c.lastResponse.After(t.LastResponse) {
			t.LastResponse = c.lastResponse
		}
	}
	return t
}
