package actors

import (
	"iter"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
)

// brood is the set of a server's connections, in the order of their adoption, but
// that the youngest takes the place of one that leaves. A broadcast goes through
// memory in order: with a million connections, jumping takes longer than asking. For
// the same reason there is no map: a connection remembers its place.
type brood struct{ all []member }

type member struct {
	pid    *actor.PID
	record messages.Record
}

// seated is a record that remembers its place. One that does not is searched for.
type seated interface{ Seat() *int32 }

func (b *brood) len() int { return len(b.all) }

func (b *brood) add(pid *actor.PID, record messages.Record) {
	b.all = append(b.all, member{})
	b.seat(len(b.all)-1, member{pid, record})
}

func (b *brood) seat(i int, m member) {
	b.all[i] = m
	if s, ok := m.record.(seated); ok {
		*s.Seat() = int32(i)
	}
}

// find returns the place of pid, whose record this is; -1 if it is not there. A
// record of nil is one that nobody has told.
func (b *brood) find(pid *actor.PID, record messages.Record) int {
	s, ok := record.(seated)
	if !ok {
		return slices.IndexFunc(b.all, func(m member) bool { return m.pid == pid })
	}
	if i := int(*s.Seat()); i < len(b.all) && b.all[i].pid == pid {
		return i
	}
	return -1
}

// remove returns the record of what it has removed; nil if it was not there.
func (b *brood) remove(pid *actor.PID, record messages.Record) messages.Record {
	i := b.find(pid, record)
	if i < 0 {
		return nil
	}
	last := len(b.all) - 1
	record = b.all[i].record
	b.seat(i, b.all[last])
	b.all[last] = member{}
	b.all = b.all[:last]
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
