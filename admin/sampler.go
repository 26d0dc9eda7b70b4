package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/godrain/drain/messages"
)

// sampler makes the frames of the streams, one for all that watch. It owns no
// goroutine: whoever finds the last frame too old makes the next one.
type sampler struct {
	panel  *Panel
	making chan struct{} // a token
	last   atomic.Pointer[frame]
}

// frame is one event of a stream.
type frame struct {
	made  time.Time
	cost  time.Duration
	data  []byte
	key   uint64 // what a person would call a change
	final bool   // it has the Report
}

const (
	frameEvery = 100 * time.Millisecond // at most ten a second
	walkLimit  = 250 * time.Millisecond // for the servers to answer
	// A look at every connection may take this part of the time.
	walkShare = 8
	slowest   = time.Second

	frameEach   = 600 // connections of a server that are shown one by one
	frameDetail = 20  // connections that are described
	frameCut    = 50  // stragglers of the Report, of each server
)

func newSampler(p *Panel) *sampler { return &sampler{panel: p, making: make(chan struct{}, 1)} }

// frame returns the frame of now, or the one before it.
func (s *sampler) frame(ctx context.Context) *frame {
	last := s.last.Load()
	if last != nil && (last.final && s.panel.over() || time.Since(last.made) < last.lasts()) {
		return last
	}
	if last != nil {
		select {
		case s.making <- struct{}{}:
		default:
			return last
		}
	} else {
		select {
		case s.making <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
	}
	defer func() { <-s.making }()
	f := s.make()
	s.last.Store(f)
	return f
}

func (f *frame) lasts() time.Duration {
	return min(max(frameEvery*9/10, f.cost*walkShare), slowest)
}

func (s *sampler) make() *frame {
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), walkLimit)
	defer cancel()
	st := s.panel.inspect(ctx, messages.GetStatus{Oldest: frameDetail, Each: frameEach, Patience: walkLimit * 4 / 5})
	f := &frame{made: time.Now(), cost: time.Since(start), final: st.Report != nil}
	view := viewOf(st)
	f.key = view.key()
	f.data, _ = json.Marshal(view)
	return f
}

// view is a Status as a frame has it: a few kilobytes with any number of
// connections.
type view struct {
	Status
	Servers    []serverView `json:"servers"` // in place of the Status's
	Stragglers int          `json:"stragglers"`
}

// serverView is a server in a frame.
type serverView struct {
	Name      string                `json:"name"`
	Addr      string                `json:"addr,omitempty"`
	Phase     messages.Phase        `json:"phase"`
	Suspended bool                  `json:"suspended,omitempty"`
	Error     string                `json:"error,omitempty"`
	Counts    messages.Counts       `json:"counts"`
	States    messages.States       `json:"states"`
	IDs       []int64               `json:"ids,omitempty"`   // of each connection, less the one before it
	Cells     string                `json:"cells,omitempty"` // their states: the first letters
	Oldest    []messages.Connection `json:"oldest"`
}

func viewOf(st Status) view {
	v := view{Status: st, Servers: make([]serverView, len(st.Status.Servers)), Stragglers: len(st.Stragglers)}
	detail := frameDetail / max(len(v.Servers), 1)
	for i, s := range st.Status.Servers {
		sv := serverView{
			Name: s.Name, Addr: s.Addr, Phase: s.Phase, Suspended: s.Suspended, Error: s.Error, Counts: s.Counts, States: s.States,
			Oldest: s.Oldest[:min(len(s.Oldest), max(detail, 3))],
		}
		cells := make([]byte, len(s.Connections))
		before := int64(0)
		for j, c := range s.Connections {
			sv.IDs = append(sv.IDs, c.ID-before)
			before = c.ID
			cells[j] = c.State.String()[0]
		}
		sv.Cells = string(cells)
		v.Servers[i] = sv
	}
	if r := st.Report; r != nil {
		v.Report = cut(*r)
	}
	return v
}

// cut bounds the stragglers that a frame names; /status has all of them.
func cut(r messages.Report) *messages.Report {
	servers := append([]messages.ServerReport{}, r.Servers...)
	for i := range servers {
		servers[i].Stragglers = servers[i].Stragglers[:min(len(servers[i].Stragglers), frameCut)]
	}
	r.Servers = servers
	return &r
}

var seed = maphash.MakeSeed()

// key is the same for two views between which nothing has happened but time.
func (v view) key() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	fmt.Fprint(&h, v.Phase, v.Report != nil, v.Dropped)
	for _, s := range v.Servers {
		fmt.Fprint(&h, s.Name, s.Addr, s.Phase, s.Suspended, s.Error, s.Counts, s.States, s.IDs, s.Cells)
	}
	return h.Sum64()
}
