package actors

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// inlineMailbox runs its actor in the goroutine of whoever sends to it, one
// message at a time. A connection that is told Busy and Idle twice a request
// cannot afford the queue, the allocation and the goroutine switch of the
// default mailbox. What follows from it: nothing in the Receive of such an actor
// may block, and a message sent to it while it is running is queued for the
// goroutine that runs it.
type inlineMailbox struct {
	invoker   actor.MessageInvoker
	status    atomic.Int32 // unstarted, resting or running
	suspended atomic.Bool  // only system messages pass
	user      stack        // sent while it was running or suspended
	system    stack
	backlog   *node // taken from user, oldest first; of the running goroutine alone
}

const (
	unstarted int32 = iota
	resting
	running
)

var _ actor.Mailbox = (*inlineMailbox)(nil)

func (m *inlineMailbox) RegisterHandlers(invoker actor.MessageInvoker, _ actor.Dispatcher) {
	m.invoker = invoker
}

// Start implements actor.Mailbox. The framework makes an actor known before it
// gives its mailbox an invoker: whoever finds it in that moment has his message
// wait.
func (m *inlineMailbox) Start() {
	m.status.Store(running)
	m.run()
}

// UserMessageCount is 0: a message is queued only while another is handled.
func (m *inlineMailbox) UserMessageCount() int { return 0 }

// PostUserMessage implements actor.Mailbox. It is on the way of every request, at
// the bottom of a stack that should not outgrow 4 KiB: there is one frame between
// the sender and the framework's.
func (m *inlineMailbox) PostUserMessage(msg any) {
	// Resting means that the queues are empty, so this message is the next one.
	if !m.user.empty() || !m.system.empty() || !m.status.CompareAndSwap(resting, running) {
		m.user.push(msg)
		m.schedule()
		return
	}
	if m.suspended.Load() || m.backlog != nil {
		m.user.push(msg)
		m.run()
		return
	}
	defer m.settle(msg)
	m.invoker.InvokeUserMessage(msg)
}

// settle is deferred while msg is handled: then come those that were sent meanwhile.
func (m *inlineMailbox) settle(msg any) {
	if reason := recover(); reason != nil {
		m.invoker.EscalateFailure(reason, msg)
	}
	m.run()
}

// PostSystemMessage implements actor.Mailbox.
func (m *inlineMailbox) PostSystemMessage(msg any) {
	// They come before what is queued for the actor, but not before one another.
	if m.system.empty() && m.status.CompareAndSwap(resting, running) {
		m.invokeSystem(msg)
		m.run()
		return
	}
	m.system.push(msg)
	m.schedule()
}

func (m *inlineMailbox) schedule() {
	if m.status.CompareAndSwap(resting, running) {
		m.run()
	}
}

// run handles what is queued, as the running goroutine, and rests.
func (m *inlineMailbox) run() {
	for {
		for m.next() {
		}
		m.status.Store(resting)
		// What was pushed before the store found the mailbox running.
		if m.system.empty() && (m.suspended.Load() || m.user.empty()) {
			return
		}
		if !m.status.CompareAndSwap(resting, running) {
			return
		}
	}
}

// next handles one queued message, system messages first.
func (m *inlineMailbox) next() bool {
	if n := m.system.takeAll(); n != nil {
		for ; n != nil; n = n.next {
			m.invokeSystem(n.msg)
		}
		return true
	}
	if m.suspended.Load() {
		return false
	}
	if m.backlog == nil {
		m.backlog = m.user.takeAll()
	}
	n := m.backlog
	if n == nil {
		return false
	}
	m.backlog = n.next
	m.invoke(n.msg)
	return true
}

func (m *inlineMailbox) invoke(msg any) {
	defer m.escalate(msg)
	m.invoker.InvokeUserMessage(msg)
}

func (m *inlineMailbox) invokeSystem(msg any) {
	defer m.escalate(msg)
	switch msg.(type) {
	case *actor.SuspendMailbox:
		m.suspended.Store(true)
	case *actor.ResumeMailbox:
		m.suspended.Store(false)
	default:
		m.invoker.InvokeSystemMessage(msg)
	}
}

func (m *inlineMailbox) escalate(msg any) {
	if reason := recover(); reason != nil {
		m.invoker.EscalateFailure(reason, msg)
	}
}
