package reliability

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/godrain/drain/messages"
	"github.com/godrain/drain/servers"
)

// faults are what can be done to a world.
var faults = []struct {
	name string
	do   func(*world, dice)
}{
	{"stop a connection's actor", func(w *world, d dice) { w.end1(d, w.connections(), w.handle.System().Root.Stop) }},
	{"poison a connection's actor", func(w *world, d dice) { w.end1(d, w.connections(), w.handle.System().Root.Poison) }},
	{"stop a server's actor", func(w *world, d dice) { w.end1(d, w.serverActors(), w.handle.System().Root.Stop) }},
	{"poison a server's actor", func(w *world, d dice) { w.end1(d, w.serverActors(), w.handle.System().Root.Poison) }},
	{"make a server's actor panic", func(w *world, d dice) {
		w.end1(d, w.serverActors(), func(pid *actor.PID) {
			w.bogus.Store(true)
			nobody := actor.NewPID("nonhost", "nobody")
			w.handle.System().Root.Send(pid, messages.Adopt{Connection: nobody, Record: &badRecord{}})
			w.handle.System().Root.Send(pid, messages.Closed{Connection: nobody})
		})
	}},
	{"accept fails for a while", (*world).failAccept},
	{"accept fails for good", (*world).breakAccept},
	{"shut sockets down under the server", (*world).breakSockets},
	{"suspend and resume", (*world).suspend},
	{"register and unregister", (*world).register},
	{"unregister", (*world).unregister},
}

// badRecord is a record that cannot be looked at, the first time.
type badRecord struct{ looked atomic.Bool }

func (r *badRecord) Snapshot() messages.Connection {
	if r.looked.CompareAndSwap(false, true) {
		panic("on purpose")
	}
	return messages.Connection{}
}

func (*badRecord) Kill() {}

func (w *world) end1(d dice, pids []string, how func(*actor.PID)) {
	if len(pids) == 0 {
		return
	}
	w.fault()
	how(actor.NewPID("nonhost", pids[d.IntN(len(pids))]))
}

// connections are the PIDs of the connections' actors, which are below servers'.
func (w *world) connections() []string {
	return w.pids(func(id string) bool { return strings.Count(id, "/") == 3 })
}

func (w *world) serverActors() []string {
	return w.pids(func(id string) bool { return strings.Count(id, "/") == 2 })
}

func (w *world) pids(want func(string) bool) (ids []string) {
	for _, id := range pidsOf(w.handle.System()) {
		if strings.HasPrefix(id, w.handle.PID().Id+"/") && want(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (w *world) failAccept(d dice) {
	for _, s := range w.sites {
		if s.listener != nil {
			s.listener.fail(1+d.IntN(4), temporary[d.IntN(len(temporary))])
		}
	}
}

func (w *world) breakAccept(dice) {
	for _, s := range w.sites {
		if s.listener != nil {
			s.listener.fail(1<<30, io.ErrClosedPipe)
		}
	}
}

func (w *world) breakSockets(d dice) {
	for _, s := range w.sites {
		if s.listener != nil {
			s.listener.breakSome(d)
		}
	}
}

func (w *world) suspend(d dice) {
	name := ""
	if d.chance(50) {
		name = w.sites[d.IntN(len(w.sites))].name
	}
	w.fault() // connections that the kernel holds for a listener of the user's may be refused
	if err := w.handle.Suspend(context.Background(), name); err != nil {
		return
	}
	w.pause(d.upTo(2 * time.Millisecond))
	_ = w.handle.Resume(context.Background(), name)
}

func (w *world) register(d dice) {
	name := fmt.Sprint("late", d.IntN(3))
	srv := &http.Server{Addr: "127.0.0.1:0", ErrorLog: log.New(io.Discard, "", 0)}
	if w.handle.Register(context.Background(), servers.HTTP(srv, servers.HTTPOptions{Name: name})) != nil {
		return
	}
	w.pause(d.upTo(2 * time.Millisecond))
	_, _ = w.handle.Unregister(context.Background(), name)
}

func (w *world) unregister(d dice) {
	w.alone.Store(true)
	_, _ = w.handle.Unregister(context.Background(), w.sites[d.IntN(len(w.sites))].name)
}

// custom adds an actor of the user's to the tree. Some of them never answer.
func (w *world) custom() {
	d := w.dice.split()
	deaf, late := d.chance(10), d.upTo(10*time.Millisecond)
	if deaf {
		w.fault()
	}
	done := false
	props := actor.PropsFromFunc(func(ctx actor.Context) {
		goodbye := func(after time.Duration) {
			if done || deaf {
				return
			}
			done = true
			self, root, system := ctx.Self(), ctx.Parent(), ctx.ActorSystem()
			time.AfterFunc(after, func() { system.Root.Send(root, messages.Drained{Child: self}) })
		}
		switch ctx.Message().(type) {
		case messages.Shutdown:
			goodbye(late)
		case messages.ForceShutdown:
			goodbye(0)
		}
	})
	_ = w.handle.RegisterActor(context.Background(), "custom", props)
}

// faulty is a listener of the user's that fails on demand.
type faulty struct {
	*net.TCPListener
	world    *world
	mu       sync.Mutex
	fails    int
	with     error
	accepted []*net.TCPConn
	broke    atomic.Bool  // some of these have been shut down
	spins    atomic.Int64 // how often it was asked while it failed
	opened   time.Time
}

var temporary = []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED}

func newFaulty(w *world, d dice) *faulty {
	f := &faulty{TCPListener: listenLocal(w), world: w, opened: time.Now()}
	if d.chance(20) {
		f.fail(1+d.IntN(3), temporary[d.IntN(len(temporary))])
	}
	return f
}

func (f *faulty) fail(times int, err error) {
	f.world.fault()
	f.mu.Lock()
	f.fails, f.with = times, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", err)}
	f.mu.Unlock()
}

func (f *faulty) Accept() (net.Conn, error) {
	f.mu.Lock()
	if f.fails > 0 {
		f.fails--
		err := f.with
		f.mu.Unlock()
		f.spins.Add(1)
		return nil, err
	}
	f.mu.Unlock()
	nc, err := f.AcceptTCP()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.accepted = append(f.accepted, nc)
	f.mu.Unlock()
	return nc, nil
}

// breakSome shuts connections down behind the server's back.
func (f *faulty) breakSome(d dice) {
	f.world.fault()
	f.broke.Store(true)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, nc := range f.accepted {
		switch d.IntN(5) {
		case 0:
			_ = nc.CloseRead()
		case 1:
			_ = nc.CloseWrite()
		case 2:
			_ = nc.SetLinger(0)
			_ = nc.Close()
		}
	}
}
