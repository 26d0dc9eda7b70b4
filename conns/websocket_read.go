package conns

import (
	"errors"
	"io"
	"net"
	"os"
)

// read is Read. What arrives goes to the handler as it is; on a WebSocket it is
// followed to see the peer's close frame.
func (k *Takeover) read(p []byte) (int, error) {
	for {
		mine, ok := k.enter()
		if !ok {
			k.evict()
			continue
		}
		if k.is(shut | over | kept | overflowed) {
			if n, err := k.readApart(mine, p); n > 0 || err != nil {
				k.exit(mine, nil, nil)
				return n, err
			}
		}
		n, err := k.layer.Read(p)
		if n > 0 {
			k.got.Add(int64(n))
			k.heard.Store(now())
		}
		again := n == 0 && k.stale(err)
		k.exit(mine, p[:max(n, 0)], err)
		if !again {
			return n, err
		}
	}
}

// enter takes the read side; ok is false while the escort's listener has it. It
// is not mine if another goroutine of the handler's has it: two that read at once
// cannot be reading frames, and what the second one reads is not followed.
func (k *Takeover) enter() (mine, ok bool) {
	for {
		w := k.word.Load()
		switch {
		case w&listening != 0:
			return false, false
		case w&inRead != 0:
			return false, true
		case k.word.CompareAndSwap(w, w&^several|inRead|k.reader(w)):
			if w&departing != 0 {
				k.signal() // the handler is done with what it read before
			}
			return true, true
		}
	}
}

// reader is what a handler turns out to be that enters Read.
func (k *Takeover) reader(w uint64) uint64 {
	if w&(everRead|returns|midIn) == everRead && k.heard.Load() != 0 {
		return everRead | returns
	}
	return everRead
}

// evict makes the listener leave.
func (k *Takeover) evict() {
	e := k.leaver.Load()
	k.set(wanted, 0)
	for k.is(listening) {
		k.interrupt()
		<-e.free
	}
	k.set(0, wanted)
	_ = k.applyReadDeadline()
}

// exit follows what was read and gives the read side back.
func (k *Takeover) exit(mine bool, p []byte, err error) {
	if !mine {
		return
	}
	if len(p) > 0 && k.is(upgrading) {
		k.followIn(p)
	}
	raise, clear := uint64(0), inRead
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		raise = ended
	}
	if _, after := k.set(raise, clear); after&departing != 0 {
		k.signal()
	}
}

// followIn follows what the peer has sent.
func (k *Takeover) followIn(p []byte) {
	ended := k.in.messages
	k.in.follow(p)
	n := k.in.messages - ended
	raise, clear := midIn, uint64(0)
	if k.in.between() {
		raise, clear = 0, midIn
	}
	if n > 1 || n == 1 && raise != 0 { // of a single one hold knows without this
		k.batch.came(n)
		raise |= several
	}
	if k.in.closed {
		raise |= answered
	}
	if e := k.leaver.Load(); e != nil {
		if e.heard += n; e.heard >= goFirst {
			raise |= exhausted
		}
	}
	k.set(raise, clear)
}

// stale reports whether a Read met a deadline that is not the handler's: one of
// an earlier phase, or an interruption that is over.
func (k *Takeover) stale(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || k.has(killed) {
		return false
	}
	if k.is(shut | over) {
		return true // readApart knows
	}
	if want := k.want.Load(); want == 0 || want > now() {
		_ = k.applyReadDeadline()
		return true
	}
	return false
}

// readApart is for the handler's reads while the connection leaves. It returns
// nothing if the handler may read for itself.
func (k *Takeover) readApart(mine bool, p []byte) (int, error) {
	w := k.word.Load()
	switch {
	case w&shut != 0:
		return 0, net.ErrClosed
	case w&kept != 0 && mine:
		e := k.leaver.Load()
		n := copy(p, e.kept)
		if e.kept = e.kept[n:]; len(e.kept) == 0 {
			e.kept = nil
			k.set(0, kept|full)
		}
		return n, nil
	case w&(over|overflowed) != 0:
		return 0, io.EOF
	}
	return 0, nil
}

// keepable is how much the listener keeps for a handler that reads later.
const keepable = 64 << 10

// listen reads in the place of a handler that does not, until the peer has
// answered. A handler that reads from time to time finds what came; one that has
// never read would only fill memory.
func (k *Takeover) listen(e *escort) {
	defer func() {
		k.set(0, listening|inRead)
		select {
		case e.free <- struct{}{}:
		default:
		}
		k.signal()
	}()
	buf := make([]byte, 4<<10)
	_ = k.layer.SetReadDeadline(when(0))
	for !k.is(wanted | answered | over) {
		n, err := k.layer.Read(buf)
		if n > 0 {
			k.got.Add(int64(n))
			k.followIn(buf[:n])
			if !k.keep(e, buf[:n]) {
				return
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			_ = k.layer.SetReadDeadline(when(0))
		default:
			k.set(ended, 0)
			return
		}
	}
}

// keep reports whether there is room for more.
func (k *Takeover) keep(e *escort, p []byte) bool {
	w := k.word.Load()
	enough := len(e.kept)+len(p) >= keepable
	switch {
	case w&(shut|overflowed) != 0:
		return true
	case enough && w&everRead == 0:
		e.kept = nil
		k.set(overflowed, kept)
		return true
	}
	e.kept = append(e.kept, p...)
	if enough {
		k.set(kept|full, 0)
		return false
	}
	k.set(kept, 0)
	return true
}
