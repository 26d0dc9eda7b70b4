package actors

import (
	"iter"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// brood is the set of a server's connections, in the order of their adoption, but
// that the youngest takes the place of one that leaves. A broadcast goes through
// memory in order: with a million connections, jumping takes longer than asking.
type brood struct {
	place map[*actor.PID]int
	all   []member
}

type member struct {
	pid    *actor.PID
	record messages.Record
}

func newBrood() *brood { return &brood{place: make(map[*actor.PID]int)} }

func (b *brood) len() int { return len(b.all) }

func (b *brood) has(pid *actor.PID) bool {
	_, ok := b.place[pid]
	return ok
}

func (b *brood) add(pid *actor.PID, record messages.Record) {
	b.place[pid] = len(b.all)
	b.all = append(b.all, member{pid, record})
}

// remove returns what it has removed; nil if it was not there.
func (b *brood) remove(pid *actor.PID) messages.Record {
	i, ok := b.place[pid]
	if !ok {
		return nil
	}
	last := len(b.all) - 1
	record := b.all[i].record
	b.all[i] = b.all[last]
	b.place[b.all[i].pid] = i
	b.all[last] = member{}
	b.all = b.all[:last]
	delete(b.place, pid)
	return record
}

// each goes from the youngest to the oldest. The one that it is at may be removed.
func (b *brood) each() iter.Seq2[*actor.PID, messages.Record] {
	return func(yield func(*actor.PID, messages.Record) bool) {
		for i := len(b.all) - 1; i >= 0; i-- {
			if !yield(b.all[i].pid, b.all[i].record) {
				return
			}
		}
	}
}
