package actors

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// parent is an actor of the user's above a tree, that hears its Report unasked.
func parent(t *testing.T, props *actor.Props) (root *actor.PID, reports <-chan messages.Report) {
	heard, up := make(chan messages.Report, 10), make(chan *actor.PID, 1)
	pid := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch msg := ctx.Message().(type) {
		case *actor.Started:
			up <- ctx.Spawn(props)
		case messages.Report:
			heard <- msg
		}
	}))
	t.Cleanup(func() { system.Root.Stop(pid) })
	return receive(t, up), heard
}

func TestTheParentHearsTheReportOnce(t *testing.T) {
	f := newFake("f")
	root, reports := parent(t, Root(brief(), Managed(f)))
	receive(t, f.serving)
	reply := make(chan messages.Report, 1)
	system.Root.Send(root, messages.Shutdown{Reason: "enough", Reply: reply})
	assert.Equal(t, receive(t, reply), receive(t, reports))
	system.Root.Send(root, messages.Shutdown{Reply: reply})
	assert.Equal(t, "enough", receive(t, reply).Reason, "whoever asks later gets the same")
	assert.Empty(t, reports)
}

func TestTheParentHearsOfATreeThatCannotStart(t *testing.T) {
	c := brief()
	c.ReadyDelay = time.Hour
	_, reports := parent(t, Root(c))
	require.ErrorContains(t, receive(t, reports).Err(), "ReadyDelay")
	_, reports = parent(t, Root(brief(), Managed(newFake("same")), Managed(newFake("same"))))
	require.ErrorContains(t, receive(t, reports).Err(), "already")
}

func TestARootThatIsStoppedSaysWhatItCut(t *testing.T) {
	f := newFake("f")
	root, reports := parent(t, Root(brief(), Managed(f)))
	receive(t, f.serving)
	c, client := f.connect(t)
	go func() { _ = c.Serve(readAll) }()
	waiting := make(chan messages.Done, 1)
	system.Root.Stop(root)
	report := receive(t, reports)
	require.ErrorContains(t, report.Err(), "send Shutdown first")
	_, err := client.Read(make([]byte, 1))
	require.Error(t, err)
	assert.Empty(t, waiting)
	receive(t, f.released)
}

// deaf is an actor of the user's that answers nothing.
func deaf() *actor.Props { return actor.PropsFromFunc(func(actor.Context) {}) }

func TestAChildThatNeverAnswersIsStoppedAtTheDeadline(t *testing.T) {
	r := plant(t, brief(), Custom("deaf", deaf()))
	require.NoError(t, r.serving())
	report := r.report(r.shutdown())
	require.ErrorContains(t, report.Err(), "did not say Drained by the deadline")
	assert.GreaterOrEqual(t, report.Took, 250*time.Millisecond)
	assert.Equal(t, 1, report.Sum().Killed)
}

func TestAChildThatDiesIsReported(t *testing.T) {
	dying := actor.PropsFromFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(messages.Shutdown); ok {
			ctx.Stop(ctx.Self())
		}
	})
	r := plant(t, brief(), Custom("dying", dying))
	require.NoError(t, r.serving())
	require.ErrorContains(t, r.report(r.shutdown()).Err(), "without a goodbye")
}

func TestUnregisterIsAnsweredWhateverHappens(t *testing.T) {
	f := newFake("f")
	never := make(chan struct{})
	defer close(never)
	f.onServe = func() error { <-never; return nil }
	r := plant(t, brief(), Managed(f), Managed(newFake("other")), Custom("deaf", deaf()))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	unregister := func(name string) <-chan messages.UnregisterDone {
		reply := make(chan messages.UnregisterDone, 1)
		r.send(messages.Unregister{Name: name, Reply: reply})
		return reply
	}
	first := unregister("f")
	assert.ErrorContains(t, receive(t, unregister("f")).Err, "already")
	system.Root.Stop(r.server("f"))
	assert.ErrorContains(t, receive(t, first).Err, "without a goodbye")
	assert.ErrorContains(t, receive(t, unregister("f")).Err, "there is no server")
	never2 := unregister("deaf")
	r.report(r.force())
	assert.Error(t, receive(t, never2).Err, "the tree has gone, and it has not answered")
}

func TestRegisterIsAnsweredWhateverHappens(t *testing.T) {
	r := plant(t, brief(), Managed(newFake("f")))
	require.NoError(t, r.serving())
	register := func(c Child) <-chan messages.Done {
		reply := make(chan messages.Done, 1)
		r.send(Register{Child: c, Reply: reply})
		return reply
	}
	require.ErrorContains(t, receive(t, register(Managed(newFake("f")))).Err, "already")
	require.NoError(t, receive(t, register(Managed(newFake("g")))).Err)
	require.NoError(t, receive(t, register(Custom("deaf", deaf()))).Err)
	slow, binding := newFake("slow"), make(chan struct{})
	defer close(binding)
	slow.onBind = func() error { <-binding; return nil }
	pending := register(Managed(slow))
	r.report(r.shutdown())
	require.Error(t, receive(t, pending).Err, "it has not bound by the deadline")
	require.ErrorContains(t, receive(t, register(Managed(newFake("h")))).Err, "the tree is done")
}

func TestForceHoldsTheTimeoutToo(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	c, client := f.connect(t)
	go func() { _ = c.Serve(stuck(t)) }()
	_, err := client.Write([]byte("x"))
	require.NoError(t, err)
	eventually(t, func() bool { return r.gauges.Servers()["f"].Busy == 1 })
	report := r.report(r.force())
	assert.Less(t, report.Took, time.Second, "the Timeout is 300 ms")
	assert.Equal(t, 1, report.Sum().Killed)
	assert.Equal(t, 1, report.Sum().Running)
	assert.NotContains(t, report.Err().Error(), "did not say Drained")
}

func TestWhoAsksByMessageIsAnsweredByMessage(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	answers := make(chan any, 10)
	asker := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch msg := ctx.Message().(type) {
		case messages.Status, messages.Report:
			answers <- msg
		}
	}))
	defer system.Root.Stop(asker)
	system.Root.RequestWithCustomSender(r.pid, messages.GetStatus{}, asker)
	assert.Equal(t, messages.PhaseServing, receive(t, answers).(messages.Status).Phase)
	system.Root.RequestWithCustomSender(r.pid, messages.Shutdown{Reason: "asked"}, asker)
	assert.Equal(t, "asked", receive(t, answers).(messages.Report).Reason)
}

// slowly is a connection that can be looked at until its server kills.
type slowly struct{ kills <-chan struct{} }

func (s slowly) Snapshot() messages.Connection {
	<-s.kills
	return messages.Connection{}
}
func (slowly) Kill() {}

// What a server has ended is known, though it could not say so in time.
func TestTheReportKnowsWhatAServerHasEndedThatIsStoppedAtTheDeadline(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	c, client := f.connect(t)
	go func() { _ = c.Serve(readAll) }()
	before, gone := f.connect(t)
	go func() { _ = before.Serve(readAll) }()
	require.NoError(t, gone.Close())
	eventually(t, func() bool { return r.gauges.Servers()["f"].Drained == 1 })
	kills := make(chan struct{})
	defer close(kills)
	system.Root.Send(r.server("f"), messages.Adopt{Connection: actor.NewPID("nonhost", "nobody"), Record: slowly{kills}})
	reports := r.shutdown()
	_, err := client.Read(make([]byte, 1))
	require.Error(t, err, "it is idle")
	report := r.report(reports)
	require.ErrorContains(t, report.Err(), "did not say Drained by the deadline")
	assert.Equal(t, 1, report.Sum().Drained, "of the drain: %v", report)
}
