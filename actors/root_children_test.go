package actors

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// onShutdown is an actor of the user's.
func onShutdown(f func(actor.Context)) *actor.Props {
	return actor.PropsFromFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(messages.Shutdown); ok {
			f(ctx)
		}
	})
}

func drained(ctx actor.Context) { ctx.Respond(messages.Drained{Child: ctx.Self()}) }

func TestAChildMayStopItselfBehindItsGoodbye(t *testing.T) {
	for range 20 { // the end of an actor overtakes what it has sent, if it can
		r := plant(t, brief(), Custom("job", onShutdown(func(ctx actor.Context) {
			drained(ctx)
			ctx.Stop(ctx.Self())
		})))
		require.NoError(t, r.serving())
		require.NoError(t, r.report(r.shutdown()).Err())
	}
}

func TestAChildThatFailsOverShutdownIsToldAgain(t *testing.T) {
	failed := false
	r := plant(t, Config{}, Custom("job", onShutdown(func(ctx actor.Context) {
		if !failed {
			failed = true
			panic("on purpose")
		}
		drained(ctx)
	})))
	require.NoError(t, r.serving())
	require.NoError(t, r.report(r.shutdown()).Err())
	assert.True(t, failed)
}

func TestATreeInATree(t *testing.T) {
	f := newFake("f")
	r := plant(t, Config{}, Custom("inner", Root(brief(), Managed(f))), Managed(newFake("outer")))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	c, client := f.connect(t)
	go func() { _ = c.Serve(readAll) }()
	eventually(t, func() bool { _, err := client.Write([]byte("x")); return err == nil })
	report := r.report(r.shutdown())
	names := make([]string, 0, 2)
	for _, s := range report.Servers {
		names = append(names, s.Name)
	}
	assert.Equal(t, []string{"inner", "outer"}, names)
	assert.Equal(t, 1, report.Servers[0].Drained+report.Servers[0].Killed, "it says how its connection ended")
	assert.Less(t, report.Took, 5*time.Second)
}

func TestAChildThatDrainsByItself(t *testing.T) {
	job := actor.PropsFromFunc(func(ctx actor.Context) {
		if _, ok := ctx.Message().(*actor.Started); ok {
			ctx.Send(ctx.Parent(), messages.Drained{Child: ctx.Self()})
		}
	})
	r := plant(t, brief(), Custom("job", job))
	report := await[messages.DrainFinished](r).Report
	require.NoError(t, report.Err())
	assert.Equal(t, "every child has ended", report.Reason)
}

func TestAProducerThatPanicsIsAnErrorOfTheStart(t *testing.T) {
	broken := actor.PropsFromProducer(func() actor.Actor { panic("on purpose") })
	for name, children := range map[string][]Child{
		"first": {Custom("job", broken), Managed(newFake("f"))},
		"last":  {Managed(newFake("f")), Custom("job", broken)},
		"none":  {Custom("job", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			r := plant(t, brief(), children...)
			require.ErrorContains(t, r.serving(), `the child "job"`)
			require.ErrorContains(t, r.report(r.shutdown()).Err(), `the child "job"`)
		})
	}
	r := plant(t, brief(), Managed(newFake("f")))
	require.NoError(t, r.serving())
	done := make(chan messages.Done, 1)
	r.send(Register{Child: Custom("job", broken), Reply: done})
	require.ErrorContains(t, receive(t, done).Err, "on purpose")
	require.NoError(t, r.report(r.shutdown()).Err())
}

// A parent may restart all its children when one fails.
func TestARootThatIsRestartedSaysWhatItCut(t *testing.T) {
	f := newFake("f")
	reports, up, sibling := make(chan messages.Report, 10), make(chan *actor.PID, 1), make(chan *actor.PID, 1)
	pid := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch msg := ctx.Message().(type) {
		case *actor.Started:
			up <- ctx.Spawn(Root(brief(), Managed(f)))
			sibling <- ctx.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
				if ctx.Message() == "fail" {
					panic("on purpose")
				}
			}))
		case messages.Report:
			reports <- msg
		}
	}, actor.WithSupervisor(actor.NewAllForOneStrategy(10, time.Minute, func(any) actor.Directive { return actor.RestartDirective }))))
	defer system.Root.Stop(pid)
	root := receive(t, up)
	receive(t, f.serving)
	system.Root.Send(receive(t, sibling), "fail")
	cut := receive(t, reports)
	require.ErrorContains(t, cut.Err(), "send Shutdown first")
	assert.Less(t, cut.Took, patience)
	receive(t, f.serving) // the fake may be served twice; a server of ours says that it is served already
	reply := make(chan messages.Report, 1)
	system.Root.Send(root, messages.Shutdown{Reply: reply})
	require.NoError(t, receive(t, reply).Err())
}

func TestWhoIsWaitedForByMessageAnswersTheSender(t *testing.T) {
	r := plant(t, brief(), Managed(newFake("f")), Managed(newFake("g")))
	for _, question := range []any{
		AwaitServing{},
		messages.Suspend{Name: "f"},
		messages.Resume{Name: "f"},
		messages.GetStatus{},
		Register{Child: Custom("job", onShutdown(drained))},
		messages.Unregister{Name: "job"},
		messages.Unregister{Name: "f"},
		messages.Shutdown{},
	} {
		answer, err := system.Root.RequestFuture(r.pid, question, patience).Result()
		require.NoError(t, err, "%T", question)
		switch answer := answer.(type) {
		case messages.Done:
			require.NoError(t, answer.Err)
		case messages.UnregisterDone:
			require.NoError(t, answer.Err)
		}
	}
}

func TestANameIsFreeAgainWhenItsServerHasFailed(t *testing.T) {
	f, other := newFake("f"), newFake("other")
	fail := make(chan struct{})
	f.onServe = func() error { <-fail; return errors.New("on purpose") }
	r := plant(t, brief(), Managed(f), Managed(other))
	require.NoError(t, r.serving())
	register := func(c Child) error {
		done := make(chan messages.Done, 1)
		r.send(Register{Child: c, Reply: done})
		return receive(t, done).Err
	}
	taken := newFake("late")
	taken.onBind = func() error { return errors.New("address in use") }
	require.ErrorContains(t, register(Managed(taken)), "address in use")
	require.NoError(t, register(Managed(newFake("late"))), "the port is free again")

	receive(t, f.serving)
	close(fail)
	for await[messages.ServerDrained](r).Report.Name != "f" {
	}
	failed := func() bool {
		for _, s := range r.gauges.Vitals().Servers {
			if s.Failed {
				return true
			}
		}
		return false
	}
	assert.True(t, failed())
	st := r.status()
	require.Len(t, st.Servers, 3)
	for _, s := range st.Servers {
		assert.Equal(t, s.Name == "f", s.Error != "", s.Name)
	}
	require.Error(t, register(Managed(newFake("f"))))
	assert.ErrorContains(t, r.suspend("f"), "has failed")
	gone := make(chan messages.UnregisterDone, 1)
	r.send(messages.Unregister{Name: "f", Reply: gone})
	require.ErrorContains(t, receive(t, gone).Err, "on purpose")
	assert.False(t, failed())
	require.NoError(t, register(Managed(newFake("f"))))
	require.NoError(t, r.report(r.shutdown()).Err(), "who registered it has heard of it")
}

func TestUnregisterSaysWhatItCut(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f), Managed(newFake("g")), Custom("deaf", deaf()))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	c, client := f.connect(t)
	go func() { _ = c.Serve(stuck(t)) }()
	_, err := client.Write([]byte("x"))
	require.NoError(t, err)
	eventually(t, func() bool { return r.gauges.Servers()["f"].Busy == 1 })
	for _, name := range []string{"f", "deaf"} {
		gone := make(chan messages.UnregisterDone, 1)
		r.send(messages.Unregister{Name: name, Reply: gone})
		done := receive(t, gone)
		require.Error(t, done.Err, name)
		assert.Equal(t, 1, done.Report.Killed, name)
	}
}

func TestWhoWaitsForATreeThatIsForcedBeforeItServesIsAnswered(t *testing.T) {
	f, bind := newFake("f"), make(chan struct{})
	f.onBind = func() error { <-bind; return nil }
	r := plant(t, brief(), Managed(f))
	waiting := make(chan messages.Done, 1)
	r.send(AwaitServing{Reply: waiting})
	r.report(r.force())
	require.ErrorIs(t, receive(t, waiting).Err, errUnserved)
	require.ErrorIs(t, r.serving(), errUnserved)
	close(bind)
	receive(t, f.released)
}

// aquarium has no address: it binds something else, a queue for instance.
type aquarium struct{ *fake }

func (aquarium) Bind(context.Context) (string, error) { return "", nil }

// Who has bound something, and is never served, unbinds it, whether that has an address
// or not.
func TestWhatHasNoAddressIsUnbound(t *testing.T) {
	a, late, bind := aquarium{newFake("a")}, newFake("late"), make(chan struct{})
	late.onBind = func() error { <-bind; return nil }
	r := plant(t, brief(), Managed(a), Managed(late))
	for await[messages.ServerBound](r).Server != "a" {
	}
	reply := r.shutdown()
	receive(t, a.unbound)
	close(bind)
	r.report(reply)
	require.EqualValues(t, 1, a.unbinds.Load())
}

// A deadline of the asker's leaves as much of its time as it can.
func TestADeadlineThatIsNear(t *testing.T) {
	f := newFake("f")
	c := Config{Timeout: time.Minute, ReadyDelay: 30 * time.Second}
	r := plant(t, c, Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	conn, client := f.connect(t)
	go func() { _ = conn.Serve(readAll) }()
	go func() { _, _ = client.Read(make([]byte, 1)); _ = client.Close() }()
	reply := make(chan messages.Report, 1)
	r.send(messages.Shutdown{Reply: reply, Deadline: time.Now().Add(1200 * time.Millisecond)})
	report := r.report(reply)
	assert.Less(t, report.Took, 2*time.Second)
	for _, p := range report.Phases {
		assert.NotEqual(t, messages.PhaseKilling, p.Phase, report)
	}
}

// ReadyDelay may be most of the Timeout: it is kept whole.
func TestALongReadyDelayIsKept(t *testing.T) {
	c := brief()
	c.Timeout, c.ReadyDelay = 400*time.Millisecond, 300*time.Millisecond
	r := plant(t, c, Managed(newFake("f")))
	require.NoError(t, r.serving())
	report := r.report(r.shutdown())
	require.NoError(t, report.Err())
	require.Equal(t, messages.PhaseAnnounced, report.Phases[0].Phase)
	assert.GreaterOrEqual(t, report.Phases[0].Took, c.ReadyDelay)
}

func TestNoTimeoutIsAnEndAtOnce(t *testing.T) {
	for range 20 {
		r := plant(t, Config{Timeout: -1}, Managed(newFake("f")))
		require.NoError(t, r.serving())
		require.NoError(t, r.report(r.shutdown()).Err(), "there was nothing to cut")
	}
}
