package actors

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// script is an invoker that writes down what it is given and does what it says.
type script struct {
	got     []any
	inside  atomic.Int32
	overlap atomic.Bool
	failed  []any
	react   func(msg any)
}

func (s *script) invoke(msg any) {
	if s.inside.Add(1) > 1 {
		s.overlap.Store(true)
	}
	defer s.inside.Add(-1)
	s.got = append(s.got, msg)
	if s.react != nil {
		s.react(msg)
	}
}

func (s *script) InvokeSystemMessage(msg any)         { s.invoke(msg) }
func (s *script) InvokeUserMessage(msg any)           { s.invoke(msg) }
func (s *script) EscalateFailure(reason, message any) { s.failed = append(s.failed, message) }

func newMailbox(react func(msg any)) (*inlineMailbox, *script) {
	s := &script{react: react}
	m := &inlineMailbox{}
	m.RegisterHandlers(s, nil)
	m.Start()
	return m, s
}

func TestMailboxRunsInTheSender(t *testing.T) {
	m, s := newMailbox(nil)
	m.PostUserMessage(1)
	require.Equal(t, []any{1}, s.got, "it has been handled when Post returns")
	require.Zero(t, m.UserMessageCount())
}

// The framework's registry has an actor before its mailbox has an invoker.
func TestMailboxKeepsWhatComesBeforeTheStart(t *testing.T) {
	m, s := &inlineMailbox{}, &script{}
	m.PostUserMessage(1)
	m.PostSystemMessage("stop")
	m.RegisterHandlers(s, nil)
	m.PostSystemMessage("started")
	require.Empty(t, s.got)
	m.Start()
	require.Equal(t, []any{"stop", "started", 1}, s.got)
	m.PostUserMessage(2)
	require.Equal(t, 2, s.got[3])
}

func TestMailboxQueuesWhatIsSentFromInside(t *testing.T) {
	var m *inlineMailbox
	m, s := newMailbox(func(msg any) {
		if msg == 1 {
			m.PostUserMessage(2)
			m.PostUserMessage(3)
			m.PostSystemMessage("first")
		}
	})
	m.PostUserMessage(1)
	require.Equal(t, []any{1, "first", 2, 3}, s.got, "system messages overtake")
	require.False(t, s.overlap.Load())
}

func TestMailboxHoldsUserMessagesWhileSuspended(t *testing.T) {
	m, s := newMailbox(nil)
	m.PostSystemMessage(&actor.SuspendMailbox{})
	m.PostUserMessage(1)
	m.PostSystemMessage("through")
	require.Equal(t, []any{"through"}, s.got)
	m.PostSystemMessage(&actor.ResumeMailbox{})
	require.Equal(t, []any{"through", 1}, s.got)
}

func TestMailboxSuspendedInTheMidstKeepsItsBacklog(t *testing.T) {
	var m *inlineMailbox
	m, s := newMailbox(func(msg any) {
		switch msg {
		case 1:
			m.PostUserMessage(2)
			m.PostUserMessage(3)
			m.PostUserMessage(4)
		case 3:
			m.PostSystemMessage(&actor.SuspendMailbox{})
		}
	})
	m.PostUserMessage(1)
	require.Equal(t, []any{1, 2, 3}, s.got)
	m.PostUserMessage(5)
	m.PostSystemMessage(&actor.ResumeMailbox{})
	require.Equal(t, []any{1, 2, 3, 4, 5}, s.got, "in order")
}

func TestMailboxSurvivesAPanic(t *testing.T) {
	m, s := newMailbox(func(msg any) {
		if msg == 1 || msg == "bad" {
			panic(msg)
		}
	})
	m.PostUserMessage(1)
	m.PostSystemMessage("bad")
	m.PostUserMessage(2)
	require.Equal(t, []any{1, "bad"}, s.failed)
	require.Equal(t, []any{1, "bad", 2}, s.got)
}

// Any number of senders: every message is handled once, one at a time, and those
// of one sender in their order.
func TestMailboxUnderManySenders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		senders := rapid.IntRange(1, 6).Draw(t, "senders")
		each := rapid.IntRange(1, 200).Draw(t, "messages")
		systemEvery := rapid.IntRange(1, 10).Draw(t, "system message every")
		m, s := newMailbox(nil)
		var all sync.WaitGroup
		for sender := range senders {
			all.Go(func() {
				for i := range each {
					if i%systemEvery == 0 {
						m.PostSystemMessage(note{sender, i, true})
					} else {
						m.PostUserMessage(note{sender, i, false})
					}
				}
			})
		}
		all.Wait()
		require.False(t, s.overlap.Load())
		require.Len(t, s.got, senders*each)
		last := make(map[string]int)
		for _, msg := range s.got {
			n := msg.(note)
			key := fmt.Sprint(n.sender, n.system)
			if before, seen := last[key]; seen {
				require.Less(t, before, n.number)
			}
			last[key] = n.number
		}
	})
}

type note struct {
	sender, number int
	system         bool
}

func TestStackIsTakenInOrder(t *testing.T) {
	var s stack
	messages := func() (all []any) {
		for n := s.takeAll(); n != nil; n = n.next {
			all = append(all, n.msg)
		}
		return all
	}
	require.Empty(t, messages())
	for i := range 5 {
		s.push(i)
	}
	require.False(t, s.empty())
	require.Equal(t, []any{0, 1, 2, 3, 4}, messages())
	require.True(t, s.empty())
	require.Empty(t, messages())
}
