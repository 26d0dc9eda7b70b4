package conns

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain/messages"
)

// Questions that came together, in one Read, are answered one after another: an answer
// that takes longer than settle is not cut off by the one before it.
func TestQuestionsThatCameTogetherAreAllAnswered(t *testing.T) {
	for name, last := range map[string][]byte{"whole": nil, "and a half": maskedText("half")} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			p := newPair(t, Settings{IdleGrace: -1}, WebSocketGranted)
			questions := append(append(maskedText("one"), maskedText("two")...), append(maskedText("three"), last[:len(last)/2]...)...)
			p.send(questions)
			buf := make([]byte, 100)
			n, err := p.k.Read(buf)
			require.NoError(t, err)
			require.Equal(t, questions, buf[:n])
			p.leave()
			for _, answer := range []string{"1", "2", "3"} {
				require.Empty(t, p.await(3*settle), "it is at work")
				_, err := p.k.Write(text(answer))
				require.NoError(t, err)
				p.expectMessage(answer)
			}
			p.send(last[len(last)/2:])
			p.expectClose(1001, "")
			p.expectOutcome(messages.OutcomeDrained, false)
		})
	}
}

// Who comes back to read has done what it wanted to do, with as many answers as it likes.
func TestQuestionsThatCameTogetherNeedNoAnswer(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.send(append(maskedText("one"), maskedText("two")...))
	buf := make([]byte, 100)
	_, err := p.k.Read(buf)
	require.NoError(t, err)
	require.True(t, p.k.is(several))
	p.leave()
	began := time.Now()
	read := make(chan error, 1)
	go func() {
		_, err := p.k.Read(buf)
		read <- err
	}()
	p.expectClose(1001, "")
	require.Less(t, time.Since(began), atWork)
	require.NoError(t, <-read)
	p.expectOutcome(messages.OutcomeDrained, false)
}

// Of a handler that comes back to read, what somebody else writes is no answer: a
// broadcast, a ping, or the pong to a ping that came right before the question.
func TestAnAnswerIsAwaitedThoughSomebodyElseWrites(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	buf := make([]byte, 100)
	ask := func(question string) {
		read := make(chan error, 1)
		go func() {
			_, err := p.k.Read(buf)
			read <- err
		}()
		p.send(maskedText(question))
		require.NoError(t, <-read)
	}
	write := func(what string) {
		_, err := p.k.Write(text(what))
		require.NoError(t, err)
		p.expectMessage(what)
	}
	ask("one")
	write("1")
	ask("two")
	p.leave()
	write("a broadcast")
	require.Empty(t, p.await(3*settle), "it is at work")
	write("2")
	read := make(chan error, 1)
	go func() {
		_, err := p.k.Read(buf)
		read <- err
	}()
	began := time.Now()
	p.expectClose(1001, "")
	require.Less(t, time.Since(began), atWork)
	require.NoError(t, <-read)
	p.expectOutcome(messages.OutcomeDrained, false)
}

// Who has read once and pushes ever since is not at work on an answer.
func TestWhoReadsOnceAndPushesIsNotWaitedFor(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.send(maskedText("subscribe"))
	_, err := p.k.Read(make([]byte, 100))
	require.NoError(t, err)
	_, err = p.k.Write(text("news"))
	require.NoError(t, err)
	p.expectMessage("news")
	began := time.Now()
	p.leave()
	p.expectClose(1001, "")
	require.Less(t, time.Since(began), atWork)
	p.expectOutcome(messages.OutcomeDrained, false)
}

// Questions that came together long ago are answered, whatever the handler pushes since:
// each had its time. They do not hold a drain up that is asked for after that.
func TestWhoHasReadSeveralAndPushesIsNotWaitedForForEver(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := newPair(t, Settings{}, WebSocketGranted)
	p.send(append(maskedText("who I am"), maskedText("subscribe")...))
	_, err := p.k.Read(make([]byte, 100))
	require.NoError(t, err)
	require.True(t, p.k.is(several))
	p.k.heard.Add(-2 * int64(atWork))
	_, err = p.k.Write(text("news"))
	require.NoError(t, err)
	p.expectMessage("news")
	p.k.spoke.Store(now())
	began := time.Now()
	p.leave()
	p.expectClose(1001, "")
	require.Less(t, time.Since(began), atWork)
	p.expectOutcome(messages.OutcomeDrained, false)
}
