package actors

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/godrain/drain/conns"
	"github.com/godrain/drain/messages"
)

func TestConnectionsAreCountedAndDrained(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	c, _ := f.connect(t)
	go func() { _ = c.Serve(readAll) }()
	await[messages.ConnectionOpened](r)
	report := r.report(r.shutdown())
	require.NoError(t, report.Err())
	assert.Equal(t, 1, report.Sum().Drained)
	assert.EqualValues(t, 1, f.unbinds.Load())
	receive(t, f.released)
	counts := r.gauges.Servers()["f"]
	assert.Zero(t, counts.Open)
	assert.Zero(t, counts.Busy)
	assert.EqualValues(t, 1, counts.Drained)
}

func readAll(_ context.Context, c conns.RawConn) {
	for buf := make([]byte, 100); ; c.Idle() {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// stuck holds its connection until the test is over.
func stuck(t *testing.T) conns.RawHandler {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	return func(_ context.Context, c conns.RawConn) {
		_, _ = c.Read(make([]byte, 1))
		<-over
	}
}

// Whether the kill comes before the root stops the server is a race: it is run until
// it has, in all likelihood.
func TestAKillThatCrossesTheGoodbyeDrainsOnce(t *testing.T) {
	for range 50 {
		killAcrossGoodbye(t)
	}
}

func killAcrossGoodbye(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	pid := r.server("f")
	drained := receive(t, r.gone(pid, func() {
		system.Root.Send(pid, messages.Shutdown{Deadline: time.Now().Add(time.Second)})
	}))
	require.NoError(t, drained.Report.Err)
	system.Root.Send(pid, messages.ForceShutdown{})
	require.NoError(t, r.report(r.shutdown()).Err())
	receive(t, f.released)
	assert.EqualValues(t, 1, f.unbinds.Load())
	assert.Empty(t, f.released)
	for len(r.events) > 0 {
		e := <-r.events
		_, panicked := e.(messages.Panicked)
		assert.False(t, panicked, e)
	}
}

// gone returns the event of a server's having drained after do.
func (r *rig) gone(_ *actor.PID, do func()) <-chan messages.ServerDrained {
	out := make(chan messages.ServerDrained, 1)
	do()
	go func() { out <- await[messages.ServerDrained](r) }()
	return out
}

func TestAServerThatDrainsAloneHoldsItsDeadline(t *testing.T) {
	f, other := newFake("f"), newFake("other")
	r := plant(t, brief(), Managed(f), Managed(other))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	c, client := f.connect(t)
	go func() { _ = c.Serve(stuck(t)) }()
	_, err := client.Write([]byte("x"))
	require.NoError(t, err)
	(*f.tracker.Load()).AskDrain("asked for")
	drained := await[messages.ServerDrained](r)
	assert.Equal(t, 1, drained.Report.Killed)
	assert.Equal(t, 1, drained.Report.Lost)
	assert.Equal(t, 1, drained.Report.Running)
	assert.Equal(t, messages.PhaseServing, r.status().Phase, "the others go on")
}

func TestPanicsOfAnAdapterAreItsErrors(t *testing.T) {
	for name, break_ := range map[string]func(*fake){
		"Bind":    func(f *fake) { f.onBind = func() error { panic("on purpose") } },
		"Serve":   func(f *fake) { f.onServe = func() error { panic("on purpose") } },
		"Unbind":  func(f *fake) { f.onUnbind = func(context.Context) error { panic("on purpose") } },
		"Release": func(f *fake) { f.onRelease = func() { panic("on purpose") } },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake("f")
			break_(f)
			r := plant(t, brief(), Managed(f))
			_ = r.serving()
			if name == "Serve" {
				await[messages.ServerFailed](r)
			}
			report := r.report(r.shutdown())
			if name == "Release" {
				require.NoError(t, report.Err(), "nobody waits for it")
				return
			}
			require.ErrorContains(t, report.Err(), name+" panicked: on purpose")
		})
	}
}

// configured is a fake with settings.
type configured struct {
	*fake
	configure func(Limits) Limits
}

func (c configured) Configure(l Limits) Limits { return c.configure(l) }

func TestAPanicOfConfigureIsAnErrorOfTheStart(t *testing.T) {
	r := plant(t, brief(), Managed(configured{newFake("f"), func(Limits) Limits { panic("on purpose") }}))
	require.ErrorContains(t, r.serving(), "on purpose")
	require.ErrorContains(t, r.report(r.shutdown()).Err(), "on purpose")
}

func TestAServerActorThatIsStoppedCountsWhatItCuts(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f), Managed(newFake("other")))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	for range 3 {
		c, _ := f.connect(t)
		go func() { _ = c.Serve(readAll) }()
	}
	system.Root.Stop(r.server("f"))
	await[messages.Panicked](r)
	receive(t, f.released)
	report := r.report(r.shutdown())
	require.ErrorContains(t, report.Err(), "without a goodbye")
	assert.Equal(t, 3, report.Sum().Crashed)
	assert.Len(t, report.Servers[0].Stragglers, 3)
	eventually(t, func() bool { c := r.gauges.Servers()["f"]; return c.Open == 0 && c.Busy == 0 && c.InFlight == 0 })
}

func TestAServerActorThatIsStoppedWhileItBindsLeavesNothingOpen(t *testing.T) {
	f, binding := newFake("f"), make(chan struct{})
	begun := make(chan struct{})
	f.onBind = func() error { close(begun); <-binding; return nil }
	r := plant(t, brief(), Managed(f))
	<-begun
	pid := r.server("f")
	system.Root.Stop(pid)
	require.ErrorContains(t, r.serving(), "without a goodbye")
	close(binding)
	receive(t, f.released)
	assert.EqualValues(t, 1, f.unbinds.Load())
	require.Error(t, r.report(r.shutdown()).Err())
}

func TestNobodyIsDoneWhileTheListenerIsOpen(t *testing.T) {
	f, unbinding, closed := newFake("f"), make(chan struct{}), false
	f.onUnbind = func(context.Context) error {
		<-unbinding
		closed = true
		return nil
	}
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	reports := r.shutdown()
	eventually(t, func() bool { return f.unbinds.Load() > 0 })
	for range 3 { // there and back: it is not done meanwhile
		require.Equal(t, messages.PhaseDraining, r.status().Phase)
	}
	require.Empty(t, reports)
	close(unbinding)
	require.NoError(t, r.report(reports).Err())
	require.True(t, closed)
}

// nameless is a connection whose address cannot be had.
type nameless struct{ net.Conn }

func (nameless) RemoteAddr() net.Addr { return nil }

func TestAConnectionWithoutAnAddressIsOneLikeOthers(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c, err := (*f.tracker.Load()).Track(nameless{ours})
	require.NoError(t, err)
	go func() { _ = c.Serve(stuck(t)) }()
	_, err = theirs.Write([]byte("x"))
	require.NoError(t, err)
	assert.Len(t, r.status().Servers[0].Connections, 1)
	report := r.report(r.shutdown())
	assert.Equal(t, 1, report.Sum().Killed)
	assert.NotContains(t, report.Err().Error(), "panicked")
}

// A connection that cannot even be looked at.
type broken struct{ killed chan struct{} }

func (broken) Snapshot() messages.Connection { panic("on purpose") }
func (b broken) Kill()                       { close(b.killed) }

func TestAConnectionThatPanicsDoesNotKeepOthersFromBeingEnded(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f), Managed(newFake("other")))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	var clients []net.Conn
	for range 20 {
		c, client := f.connect(t)
		go func() { _ = c.Serve(readAll) }()
		clients = append(clients, client)
	}
	b := broken{make(chan struct{})}
	pid := r.server("f")
	system.Root.Send(pid, messages.Adopt{Connection: actor.NewPID("nonhost", "nobody"), Record: b})
	system.Root.Poison(pid)
	<-b.killed
	for _, client := range clients {
		_, err := client.Read(make([]byte, 1))
		require.Error(t, err)
	}
	require.ErrorContains(t, r.report(r.shutdown()).Err(), "a connection panicked")
}

// The server goes between the two looks that the acceptor takes.
func TestAConnectionWhoseServerGoesMeanwhileIsTurnedAway(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f), Managed(newFake("other")))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	tr := (*f.tracker.Load()).(*tracker)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := conns.New(tr.group, ours)
	c.FollowReads()
	child, err := tr.spawn(c)
	require.NoError(t, err)
	require.NotNil(t, child.self)
	tr.group.Open.Add(1)
	system.Root.Stop(tr.server) // it will not read an Adopt
	await[messages.Panicked](r)
	_ = theirs.SetReadDeadline(time.Now().Add(patience / 4))
	_, err = theirs.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "it is closed")
	eventually(t, func() bool { c := r.gauges.Servers()["f"]; return c.Late == 1 && c.Open == 0 })
	require.Error(t, r.report(r.shutdown()).Err())
}

func TestAConnectionActorThatIsStoppedIsACrash(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	c, client := f.connect(t)
	go func() { _ = c.Serve(stuck(t)) }()
	_, err := client.Write([]byte("x"))
	require.NoError(t, err)
	eventually(t, func() bool { return r.gauges.Servers()["f"].Busy == 1 })
	for _, s := range r.status().Servers {
		require.Len(t, s.Connections, 1)
	}
	tr := (*f.tracker.Load()).(*tracker)
	tr.sweep() // stops every actor below the server
	closed := await[messages.ConnectionClosed](r)
	assert.Equal(t, messages.OutcomeCrashed, closed.Outcome)
	_, err = client.Read(make([]byte, 1))
	require.Error(t, err)
	assert.Zero(t, r.gauges.Servers()["f"].Busy)
	report := r.report(r.shutdown())
	assert.Equal(t, 1, report.Sum().Running)
}

func TestAListenerThatOpensDuringTheDrainIsClosed(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	done := make(chan messages.Done, 1)
	r.send(messages.Suspend{Reply: done})
	require.NoError(t, receive(t, done).Err)
	begun, binding := make(chan struct{}), make(chan struct{})
	f.onBind = func() error { close(begun); <-binding; return nil }
	resumed := make(chan messages.Done, 1)
	r.send(messages.Resume{Reply: resumed})
	<-begun
	reports := r.shutdown()
	eventually(t, func() bool { return r.gauges.Vitals().Phase == messages.PhaseDraining })
	close(binding)
	require.NoError(t, r.report(reports).Err())
	require.Error(t, receive(t, resumed).Err)
	require.EqualValues(t, 2, f.unbinds.Load(), "the one that was suspended, and the one that was opened")
}

func TestSuspendAndResumeAreAnsweredWhateverHappens(t *testing.T) {
	f := newFake("f")
	r := plant(t, brief(), Managed(f), Managed(newFake("other")))
	require.NoError(t, r.serving())
	receive(t, f.serving)
	ask := func(msg func(chan<- messages.Done) any) error {
		reply := make(chan messages.Done, 1)
		r.send(msg(reply))
		return receive(t, reply).Err
	}
	suspend := func(to chan<- messages.Done) any { return messages.Suspend{Name: "f", Reply: to} }
	resume := func(to chan<- messages.Done) any { return messages.Resume{Name: "f", Reply: to} }
	require.NoError(t, ask(resume), "it is not suspended")
	require.NoError(t, ask(suspend))
	require.NoError(t, ask(suspend), "it is already")
	f.onBind = func() error { return errors.New("taken") }
	require.ErrorContains(t, ask(resume), "taken")
	f.onBind = nil
	require.NoError(t, ask(resume))
	receive(t, f.serving)
	began, never := make(chan struct{}), make(chan struct{})
	f.onUnbind = func(context.Context) error { close(began); <-never; return nil }
	defer close(never)
	answer := make(chan messages.Done, 1)
	r.send(suspend(answer))
	<-began
	require.ErrorIs(t, ask(suspend), errBetween)
	system.Root.Stop(r.server("f"))
	require.Error(t, receive(t, answer).Err, "its server is gone")
}
