package conns

import "sync/atomic"

// h2Streams are the streams that are open on one side's initiative. One goroutine
// opens them; any goroutine may end a side of one, and exactly one of these calls
// is told that it has ended the stream. Cells are used again, so the memory is
// that of the most streams that were ever open at once.
type h2Streams struct{ first atomic.Pointer[h2Cells] }

// h2Cells hold one stream each: its id and which sides have ended. A stream has
// one possible cell in each link of the chain; ids are consecutive, so there are
// rarely more links than streams in flight divided by h2CellCount.
type h2Cells struct {
	cell [h2CellCount]atomic.Uint64
	next atomic.Pointer[h2Cells]
}

const (
	h2CellCount = 16

	h2LocalEnded  uint64 = 1 << 0 // we have ended our side
	h2RemoteEnded uint64 = 1 << 1 // the peer has ended its side
	h2BothEnded          = h2LocalEnded | h2RemoteEnded
)

func h2Slot(id uint32) uint32 { return id >> 1 % h2CellCount }

// open adds a stream. Only one goroutine may call it.
func (s *h2Streams) open(id uint32, ended uint64) {
	state := uint64(id)<<2 | ended
	link := &s.first
	for {
		cells := link.Load()
		if cells == nil {
			cells = new(h2Cells)
			cells.cell[h2Slot(id)].Store(state)
			link.Store(cells)
			return
		}
		if c := &cells.cell[h2Slot(id)]; c.Load() == 0 {
			c.Store(state)
			return
		}
		link = &cells.next
	}
}

// end marks sides of a stream as ended; it reports whether that ended the stream.
func (s *h2Streams) end(id uint32, sides uint64) bool {
	for cells := s.first.Load(); cells != nil; cells = cells.next.Load() {
		c := &cells.cell[h2Slot(id)]
		for {
			state := c.Load()
			if state>>2 != uint64(id) {
				break
			}
			after := state | sides
			if after&h2BothEnded == h2BothEnded {
				after = 0
			}
			if c.CompareAndSwap(state, after) {
				return after == 0
			}
		}
	}
	return false
}

// each calls f with every open stream.
func (s *h2Streams) each(f func(id uint32)) {
	for cells := s.first.Load(); cells != nil; cells = cells.next.Load() {
		for i := range cells.cell {
			if id := cells.cell[i].Load() >> 2; id != 0 {
				f(uint32(id))
			}
		}
	}
}
