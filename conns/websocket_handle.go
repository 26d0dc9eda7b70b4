package conns

import (
	"context"
	"net"
)

// WebSocket is what a handler may say about its WebSocket to the drain. None of
// it is needed: without a word, the drain closes between two messages, with the
// server's close code. All methods may be called from anywhere, and do nothing
// on a connection that no managed server serves.
type WebSocket struct{ k *Takeover }

// WebSocketOf finds the WebSocket under a library's connection:
// gorilla's *websocket.Conn and gws's *Conn have NetConn, as a *tls.Conn does,
// and so has the net.Conn that Hijack returned.
func WebSocketOf(conn interface{ NetConn() net.Conn }) WebSocket {
	for range 8 { // layers
		if k, ok := conn.(*Takeover); ok {
			return WebSocket{k}
		}
		under, ok := conn.NetConn().(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = under
	}
	return WebSocket{}
}

// WebSocketFrom finds the WebSocket by the context of its request, once it has
// been upgraded.
func WebSocketFrom(ctx context.Context) WebSocket {
	if c := FromContext(ctx); c != nil {
		return WebSocket{c.takeover.Load()}
	}
	return WebSocket{}
}

// wishes are what a handler has asked for. They are not changed but replaced.
type wishes struct {
	code    int // 0: the server's
	reason  string
	goodbye func()
	leaving func()
}

func (k *Takeover) wish(change func(*wishes)) {
	for {
		before := k.wishes.Load()
		after := wishes{}
		if before != nil {
			after = *before
		}
		change(&after)
		if k.wishes.CompareAndSwap(before, &after) {
			return
		}
	}
}

// CloseWith sets the code and the reason of the drain's close frame, in the place
// of the server's. 1012 asks the client to come back; 1001 is read by some as
// "the user left". The error says what is wrong with them; see ValidateClose.
func (s WebSocket) CloseWith(code int, reason string) error {
	if err := ValidateClose(code, reason); err != nil {
		return err
	}
	if s.k != nil {
		s.k.wish(func(w *wishes) { w.code, w.reason = code, reason })
	}
	return nil
}

// OnGoodbye sets what is called, once, when the drain is about to send the close
// frame: f sends a last message, with the library that the handler uses, and
// returns. It is called in a goroutine of its own between two messages, and the
// deadline does not wait for it; a library that allows one writer at a time needs
// your lock around it, as with any other goroutine of yours. After f has returned
// the close frame follows.
func (s WebSocket) OnGoodbye(f func()) {
	if s.k != nil {
		s.k.wish(func(w *wishes) { w.goodbye = f })
	}
}

// OnLeave sets what is called, once, when the drain has come to this connection:
// with Spread, that may be later than Draining. It is called in a goroutine of its
// own, at once if the drain was here before.
func (s WebSocket) OnLeave(f func()) {
	if s.k == nil {
		return
	}
	s.k.wish(func(w *wishes) { w.leaving = f })
	if s.k.is(departing) {
		s.k.callLeaving()
	}
}

// Busy marks that work is in progress which outlives a Write or has not come to
// one yet: the goodbye waits until each Busy has had its Done. It reports false
// if it is too late: the close frame has been sent, or enough has gone first (256
// messages, or half the time of the drain), and the goodbye waits for those only
// that are busy already. What began it then has no Done.
func (s WebSocket) Busy() bool {
	if s.k == nil {
		return true
	}
	for {
		w := s.k.word.Load()
		if w&(spoken|said) != 0 || (w&departing != 0 && s.k.hurried(w)) {
			return false
		}
		if s.k.word.CompareAndSwap(w, w+oneMark) {
			return true
		}
	}
}

// hurried reports whether work that begins now would keep a goodbye waiting that is
// due. The handler's own is not kept from it.
func (k *Takeover) hurried(w uint64) bool {
	return w&bidding == 0 && (w&exhausted != 0 || now() > k.leaver.Load().hurry)
}

// Done ends what a Busy that reported true has begun.
func (s WebSocket) Done() {
	if s.k == nil {
		return
	}
	for {
		w := s.k.word.Load()
		if w&marks == 0 {
			return
		}
		if s.k.word.CompareAndSwap(w, w-oneMark) {
			break
		}
	}
	s.k.signal()
}

// Draining is closed when the server begins to drain; it is nil, which never
// fires, on a connection of no managed server.
func (s WebSocket) Draining() <-chan struct{} {
	if s.k == nil {
		return nil
	}
	return s.k.group.draining
}

// callLeaving tells the handler that the connection is to leave, if it wants to know.
func (k *Takeover) callLeaving() {
	w := k.wishes.Load()
	for w != nil && w.leaving != nil {
		told := *w
		told.leaving = nil
		if k.wishes.CompareAndSwap(w, &told) {
			go k.callLast(w.leaving)
			return
		}
		w = k.wishes.Load()
	}
}

// lastWords are the close code and reason.
func (k *Takeover) lastWords() (int, string) {
	if w := k.wishes.Load(); w != nil && w.code != 0 {
		return w.code, w.reason
	}
	return k.group.CloseCode, k.group.CloseReason
}

// wantsLast reports whether the handler has something to say that it has not said.
func (k *Takeover) wantsLast() bool {
	w := k.wishes.Load()
	return w != nil && w.goodbye != nil
}

// sayLast lets the handler say it, and reports whether it did.
func (k *Takeover) sayLast() bool {
	w := k.wishes.Load()
	if w == nil || w.goodbye == nil {
		return false
	}
	done := *w
	done.goodbye = nil
	k.set(bidding, 0) // before the wish is gone
	if k.wishes.CompareAndSwap(w, &done) {
		said := make(chan struct{})
		go func() { // which it may end
			defer close(said)
			k.callLast(w.goodbye)
		}()
		<-said
	}
	k.set(0, bidding)
	return true
}

// callLast keeps a panic of the handler's to its connection: the close frame
// follows all the same.
func (k *Takeover) callLast(f func()) {
	defer func() {
		if recover() != nil {
			k.set(panicked, 0)
		}
	}()
	f()
}
