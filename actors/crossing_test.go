package actors

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/messages"
)

// This file is what crosses: an order that comes while another one is carried out.

func (r *rig) unregister(name string) <-chan messages.UnregisterDone {
	gone := make(chan messages.UnregisterDone, 1)
	r.send(messages.Unregister{Name: name, Reply: gone})
	return gone
}

// engage has a connection of f's at work, for ever.
func (r *rig) engage(f *fake) {
	c, client := f.connect(r.T)
	go func() { _ = c.Serve(stuck(r.T)) }()
	_, err := client.Write([]byte("x"))
	require.NoError(r, err)
	eventually(r.T, func() bool { return r.gauges.Servers()[f.name].Busy == 1 })
}

func TestWhatUnregisterCutsDuringTheDrainIsInTheReport(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f), Managed(newFake("g")))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	r.engage(f)
	gone := r.unregister("f")
	report := r.report(r.shutdown())
	require.Error(t, receive(t, gone).Err)
	require.Error(t, report.Err())
	assert.Equal(t, 1, report.Sum().Killed)
}

func TestUnregisterCrossesRegister(t *testing.T) {
	f, bind := newFake("late"), make(chan struct{})
	f.onBind = func() error { <-bind; return nil }
	r := plant(t, brief(), Managed(newFake("f")))
	require.NoError(t, r.serving())
	came := make(chan messages.Done, 1)
	r.send(Register{Child: Managed(f), Reply: came})
	gone := r.unregister("late")
	close(bind)
	receive(t, gone)
	receive(t, came)
	require.NoError(t, r.report(r.shutdown()).Err())
}

func TestAServerThatEndsBeforeItIsBoundIsAnErrorOfTheStart(t *testing.T) {
	for name, end := range map[string]any{"drained": messages.Shutdown{}, "forced": messages.ForceShutdown{}} {
		t.Run(name, func(t *testing.T) {
			f, bind := newFake("f"), make(chan struct{})
			f.onBind = func() error { <-bind; return nil }
			r := plant(t, brief(), Managed(f))
			system.Root.Send(r.server("f"), end)
			close(bind)
			require.Error(t, r.serving())
		})
	}
}

// The tree's deadline may be earlier than the one that a server has begun to drain by.
func TestAnEarlierDeadlineIsHeldByAServerThatDrainsAlone(t *testing.T) {
	f := newFake("f")
	c := brief()
	c.Timeout = time.Minute
	r := plant(t, c, Managed(f), Managed(newFake("g")))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	r.engage(f)
	(*f.tracker.Load()).AskDrain("alone")
	await[messages.ServerUnbound](r)
	reply := make(chan messages.Report, 1)
	r.send(messages.Shutdown{Reply: reply, Deadline: time.Now().Add(500 * time.Millisecond)})
	report := r.report(reply)
	assert.Less(t, report.Took, 2*time.Second)
	assert.Equal(t, 1, report.Sum().Killed, report)
	assert.NotContains(t, report.Err().Error(), "did not say Drained")
}

// So may that of one that was killed alone, or is killed now: what it has cut is in the
// Report nevertheless.
func TestAnEarlierDeadlineIsHeldByAServerThatIsKilled(t *testing.T) {
	for name, alone := range map[string]any{"now": messages.Shutdown{}, "before": messages.ForceShutdown{}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				f := newFake("f")
				c := brief()
				c.Timeout, c.ReadyDelay = time.Minute, time.Second
				r := plant(t, c, Managed(f), Managed(newFake("g")))
				require.NoError(t, r.serving())
				receive(t, f.serving)
				r.engage(f)
				system.Root.Send(r.server("f"), alone)
				await[messages.ServerUnbound](r)
				reply := make(chan messages.Report, 1)
				r.send(messages.Shutdown{Reply: reply, Deadline: time.Now().Add(time.Nanosecond)})
				report := r.report(reply)
				assert.Equal(t, 1, report.Sum().Killed, report)
				assert.NotContains(t, report.Err().Error(), "did not say Drained")
			})
		})
	}
}

func TestASuspendThatFailsIsAnsweredAndEndsTheServer(t *testing.T) {
	f := newFake("f")
	never := make(chan struct{})
	defer close(never)
	f.onServe = func() error { <-never; return nil }
	f.onUnbind = func(context.Context) error { return errors.New("on purpose") }
	r := plant(t, brief(), Managed(f), Managed(newFake("g")))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	require.ErrorContains(t, r.suspend("f"), "on purpose")
	await[messages.ServerFailed](r)
	require.ErrorContains(t, r.report(r.shutdown()).Err(), "on purpose")
}

func TestAServerWhoseActorPanicsHasFailed(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f), Managed(newFake("g")))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	system.Root.Send(r.server("f"), messages.Closed{Connection: nil, Record: badRecord{}})
	assert.Equal(t, "f", await[messages.ServerFailed](r).Server)
	eventually(t, func() bool {
		for _, s := range r.status().Servers {
			if s.Name == "f" {
				return s.Error != ""
			}
		}
		return false
	})
}

// badRecord is of a connection that the user's listener has made, and breaks.
type badRecord struct{ messages.Record }

func (badRecord) Seat() *int32 { panic("on purpose") }

// A child that fails over its Shutdown is told the same again, with its own deadline.
func TestAChildThatFailsWhileItIsUnregisteredIsToldItsDeadlineAgain(t *testing.T) {
	told := make(chan messages.Shutdown, 2)
	r := plant(t, Config{}, Managed(newFake("f")), Custom("job", onShutdown(func(ctx actor.Context) {
		told <- ctx.Message().(messages.Shutdown)
		if len(told) == 1 {
			panic("on purpose")
		}
		drained(ctx)
	})))
	require.NoError(t, r.serving())
	require.NoError(t, receive(t, r.unregister("job")).Err)
	assert.Equal(t, receive(t, told), receive(t, told))
}

func TestATreeInATreeHasItsReportInTime(t *testing.T) {
	r := plant(t, Config{Timeout: time.Second}, Custom("inner", Root(Config{Timeout: time.Minute}, Custom("deaf", deaf()))))
	require.NoError(t, r.serving())
	report := r.report(r.shutdown())
	require.ErrorContains(t, report.Err(), `server "deaf"`)
}

// Who drains already is told by its parent, which is in a hurry, when it must have answered.
func TestAKillWithADeadlineIsHeldByATreeThatDrainsAlready(t *testing.T) {
	r := plant(t, Config{Timeout: time.Minute}, Custom("deaf", deaf()))
	require.NoError(t, r.serving())
	reports := r.shutdown()
	await[messages.PhaseChanged](r)
	r.send(messages.ForceShutdown{Deadline: time.Now().Add(200 * time.Millisecond)})
	report := r.report(reports)
	require.ErrorContains(t, report.Err(), `server "deaf"`)
	assert.Less(t, report.Took, time.Minute/2)
}

// Who asks how things stand does not wait for a server that has been stopped over the question.
func TestAServerThatCanAnswerNoMoreIsNotWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFake("f")
		r := plant(t, brief(), Managed(f), Managed(newFake("g")))
		require.NoError(t, r.serving())
		receive(t, f.serving)
		pid, kills := r.server("f"), make(chan struct{})
		system.Root.Send(pid, messages.Adopt{Connection: actor.NewPID("nonhost", "nobody"), Record: slowly{kills}})
		asked, late := make(chan messages.Status, 1), make(chan messages.Status, 1)
		r.send(messages.GetStatus{Reply: asked}) // it is answered slowly
		synctest.Wait()
		system.Root.Stop(pid)
		r.send(messages.GetStatus{Reply: late})
		synctest.Wait()
		began := time.Now()
		close(kills)
		assert.Len(t, receive(t, asked).Servers, 2, "it had begun to answer")
		names := []string{}
		for _, s := range receive(t, late).Servers {
			names = append(names, s.Name)
		}
		assert.Equal(t, []string{"g"}, names)
		assert.Less(t, time.Since(began), statusPatience)
	})
}

// Nothing is open any more when the Report is there: also if a listener was about to be.
func TestWhatIsBeingBoundIsWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f, bind := newFake("f"), make(chan struct{})
		f.onBind = func() error { <-bind; return nil }
		r := plant(t, brief(), Managed(f))
		reply := r.force()
		synctest.Wait()
		assert.Empty(t, reply)
		close(bind)
		r.report(reply)
		assert.EqualValues(t, 1, f.unbinds.Load())
	})
}
