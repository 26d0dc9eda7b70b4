package conns

import "github.com/godrain/drain/messages"

// phase is what a connection's serving goroutine is doing.
//
//	fresh ──byte──▶ reading ──header──▶ received ──begin──▶ working ──rest──▶ rested ──wait──▶ idle
//	                   ▲                                      ▲                 │               │
//	                   │                                      └──────begin──────┘               │
//	                   └────────────────────────────────byte────────────────────────────────────┘
//	fresh, reading, idle ──leave──▶ leaving;  any ──hijack──▶ hijacked;  any ──end──▶ closed
//	fresh, reading, received ──multiplex──▶ streams ──leave──▶ leaving
//
// received is the moment between a whole header and its handler: net/http has begun
// its background read by then, and nobody may leave over a request that will be served.
// rested is the moment between the answer and the next Read: net/http may hold
// the next pipelined request in its buffer, so nothing may be closed there. Only
// a reader that is back in Read is idle.
type phase uint32

const (
	fresh    phase = iota // no byte of a request yet
	reading               // the first byte is here, the header is not whole
	received              // it is, and the work has not begun
	working               // a handler is at work
	rested                // answered; the reader is not back yet
	idle                  // the reader waits for a first byte
	hijacked              // the handler took the connection over
	streams               // it speaks HTTP/2, see h2.go
	leaving               // goodbye is said
	closed
	phases
)

// The upper bits of the word are flags. Other goroutines than the serving one set
// them too.
const (
	phaseMask uint32 = 1<<4 - 1
	asked     uint32 = 1 << 4 // the actor asked it to leave
	killed    uint32 = 1 << 5
	closing   uint32 = 1 << 6  // somebody called Close
	told      uint32 = 1 << 7  // the owner has been told of the end
	wordless  uint32 = 1 << 8  // it leaves without a word: nothing to linger for
	claimed   uint32 = 1 << 9  // somebody answers for it: see Claim
	doomed    uint32 = 1 << 10 // the deadline is near: what is served on it is cancelled
	broken    uint32 = 1 << 11 // reading or writing failed: the peer is gone
	returned  uint32 = 1 << 12 // the handler of the unit in progress has returned
	limited   uint32 = 1 << 13 // a write deadline has been set
	inside    uint32 = 1 << 14 // somebody reads from the socket
	losing    uint32 = 1 << 15 // its end loses something
	peerless  uint32 = 1 << 16 // net/http has been told that the peer is gone
	rootless  uint32 = 1 << 17 // the base of the context that it carries is never cancelled
	met       uint32 = 1 << 18 // its peer's address is known
	parted    uint32 = 1 << 20 // it was idle, and has said its farewell
	severed   uint32 = 1 << 19 // a handler has given up, since the deadline had cancelled its request

	sentenceShift = 24 // the uppermost byte is how a connection ends that was closed or killed
	sentenceMask  = 0xff<<sentenceShift | losing
)

// step is what can happen to a phase.
type step uint8

const (
	gotByte   step = iota // Read returned bytes
	gotHeader             // which end a header
	begin                 // a handler starts
	rest                  // the answer is written
	wait                  // the reader enters Read
	leave                 // the reader says goodbye
	hijack                // the handler takes over
	multiplex             // HTTP/2 begins
	end                   // the socket closes
	steps
)

// transitions is the whole state machine; what it does not name stays as it is.
var transitions = func() (t [phases][steps]phase) {
	for p := range t {
		for s := range t[p] {
			t[p][s] = phase(p)
		}
		t[p][end] = closed
	}
	t[fresh][gotByte], t[idle][gotByte] = reading, reading
	t[fresh][gotHeader], t[idle][gotHeader], t[reading][gotHeader] = received, received, received
	for _, p := range []phase{fresh, reading, received, rested, idle} {
		t[p][begin] = working
	}
	t[reading][rest], t[received][rest], t[working][rest] = rested, rested, rested
	t[rested][wait] = idle
	t[fresh][leave], t[reading][leave], t[idle][leave], t[hijacked][leave] = leaving, leaving, leaving, leaving
	t[fresh][multiplex], t[reading][multiplex], t[received][multiplex] = streams, streams, streams
	t[streams][leave] = leaving
	for _, p := range []phase{fresh, reading, received, working, rested, idle} {
		t[p][hijack] = hijacked
	}
	return t
}()

// step moves the connection on and returns the phases before and after. A flag that
// is of one phase only goes with it.
func (c *Conn) step(s step) (before, after phase) {
	for {
		w := c.word.Load()
		before = phase(w & phaseMask)
		after = transitions[before][s]
		if after == before || c.word.CompareAndSwap(w, w&^(phaseMask|returned)|uint32(after)) {
			return before, after
		}
	}
}

func (c *Conn) phase() phase { return phase(c.word.Load() & phaseMask) }

func (c *Conn) has(flag uint32) bool { return c.word.Load()&flag != 0 }

// raise sets a flag and reports whether this call did it.
func (c *Conn) raise(flag uint32) bool { return c.word.Or(flag)&flag == 0 }

// sentence closes or kills it, as flag says, and notes how that ends it; what a kill
// has noted stands. It reports false if that was done already.
func (c *Conn) sentence(flag uint32, outcome messages.Outcome, lost bool) bool {
	set := uint32(outcome) << sentenceShift
	if lost {
		set |= losing
	}
	for {
		w := c.word.Load()
		if w&flag != 0 {
			return false
		}
		n := w | flag
		if w&killed == 0 {
			n = n&^sentenceMask | set
		}
		if c.word.CompareAndSwap(w, n) {
			return true
		}
	}
}

// sentenced is what sentence has noted; until then, that it ends in order.
func (c *Conn) sentenced() (messages.Outcome, bool) {
	w := c.word.Load()
	return messages.Outcome(w >> sentenceShift), w&losing != 0
}

// clear takes a flag back.
func (c *Conn) clear(flag uint32) { c.word.And(^flag) }

var publicStates = [phases]messages.State{
	fresh: messages.StateNew, reading: messages.StateReading, received: messages.StateBusy, working: messages.StateBusy,
	rested: messages.StateIdle, idle: messages.StateIdle, hijacked: messages.StateBusy,
	streams: messages.StateBusy, leaving: messages.StateLeaving, closed: messages.StateClosed,
}
