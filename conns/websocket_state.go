package conns

// The state of a connection that its handler has taken over is one word. The
// write side is a token in it: a Write takes it and gives it back, and whoever
// wants to say goodbye must hold it when no message is in progress. Whoever
// finds it taken queues for it, in order.
//
//	101 ──▶ framed ──▶ (departing) ──▶ spoken ──▶ said ──▶ answered | ended | CloseTimeout ──▶ over
//
// departing is set by Close; the rest of the way is the escort's (websocket_leave.go).
const (
	upgrading uint64 = 1 << iota // asked to become a WebSocket: what is written is followed
	framed                       // the 101 is out: it is a WebSocket

	taken  // the write side is held
	midOut // the 101, a frame or a message of ours is in progress
	spoken // the goodbye is ours, and is being written or has been
	said   // a close frame is out, ours or the handler's

	inRead     // somebody is in Read
	listening  // that is the escort's listener
	wanted     // the handler waits for the listener to leave
	everRead   // the handler has called Read
	kept       // the listener has read something that waits for the handler
	full       // and is as much as is kept
	overflowed // the listener has thrown something away
	midIn      // a message of the peer's has begun to arrive
	answered   // the peer's close frame has been read
	ended      // the peer's stream has ended

	departing // asked to leave: there is an escort
	exhausted // it has let enough go first
	shut      // the handler has called Close
	over      // nothing more is read
	bidding   // the handler's goodbye is being called
	panicked  // the handler's goodbye has panicked
	dismissed // the handler does not count any more
	bounded   // a write deadline has been set

	oneQueued uint64 = 1 << 24 // writers that wait for the token; in a tunnel: that write
	queued    uint64 = 0xffff * oneQueued
	several   uint64 = 1 << 40 // messages of the peer's came in one Read, and the handler is not through
	returns   uint64 = 1 << 41 // the handler has come back to Read when a message was read
	torn      uint64 = 1 << 42 // with midOut: the last write has failed
	oneMark   uint64 = 1 << 43 // Busy without its Done
	marks     uint64 = 0x1fffff * oneMark
)

// set raises and clears bits and returns the word before and after.
func (k *Takeover) set(raise, clear uint64) (before, after uint64) {
	for {
		w := k.word.Load()
		n := w&^clear | raise
		if n == w || k.word.CompareAndSwap(w, n) {
			return w, n
		}
	}
}

func (k *Takeover) is(bits uint64) bool { return k.word.Load()&bits != 0 }
