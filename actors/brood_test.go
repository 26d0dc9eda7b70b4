package actors

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

// A brood is a map of PIDs, whatever is added and removed, even by who goes through
// it, and whether a record remembers its place or not.
func TestABroodIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, want := new(brood), make(map[*actor.PID]messages.Record)
		pids := make([]*actor.PID, 8)
		for i := range pids {
			pids[i] = actor.NewPID("here", string(rune('a'+i)))
		}
		draw := func() *actor.PID { return rapid.SampledFrom(pids).Draw(t, "pid") }
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				if pid := draw(); want[pid] == nil {
					want[pid] = new(conns.Conn)
					if rapid.Bool().Draw(t, "forgetful") {
						want[pid] = &forgetful{pid.Id}
					}
					b.add(pid, want[pid])
				}
			},
			"remove": func(t *rapid.T) {
				pid := draw()
				known := want[pid]
				if rapid.Bool().Draw(t, "unknown") {
					known = nil
				}
				require.True(t, want[pid] == b.remove(pid, known))
				delete(want, pid)
			},
			"removeSome": func(t *rapid.T) {
				leaves := draw()
				seen := 0
				for pid, record := range b.each() {
					seen++
					if pid == leaves || seen%2 == 0 {
						require.Same(t, record, b.remove(pid, record))
						delete(want, pid)
					}
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(want), b.len())
				for _, pid := range pids {
					require.Equal(t, want[pid] != nil, b.find(pid, want[pid]) >= 0)
				}
				for pid, record := range b.each() {
					require.Same(t, want[pid], record)
				}
			},
		})
	})
}

// forgetful is a record that does not remember its place.
type forgetful struct{ name string }

func (*forgetful) Snapshot() messages.Connection { return messages.Connection{} }
func (*forgetful) Kill()                         {}
