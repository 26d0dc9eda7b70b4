package wsactor

import "github.com/asynkron/protoactor-go/actor"

// Opened goes from a session to your actor, before its first message.
type Opened struct{ Session *Session }

// Message goes from a session to your actor: a client has sent it. It is handled when
// Receive has returned. Somebody else's answer to it is waited for by a drain if he got
// it by Forward.
type Message struct {
	Session *Session
	Binary  bool // else it is text; its encoding has not been checked
	Data    []byte

	ticket *ticket // nil: nobody waits for it
}

// GetAutoResponse tells the session that your actor has handled the message; the
// framework calls it after Receive.
func (m *Message) GetAutoResponse(actor.Context) any { return handled{m.ticket} }

// Forward is ctx.Forward for the actor that has got this message, and tells the session
// that it is not handled before the other one has handled it too: it keeps its place in
// the window, and a drain waits for its answer. After a plain ctx.Forward it is handled
// when your Receive has returned, and an answer that comes later may come too late.
func (m *Message) Forward(ctx actor.Context, to *actor.PID) {
	m.Session.tell(forwarded{m.ticket})
	ctx.Forward(to)
}

// Closed goes from a session to your actor, as its last message.
type Closed struct {
	Session *Session
	// Err is why: a *websocket.CloseError has the client's code.
	Err error
}

// Text goes from you to a session's PID: a text message for the client, in UTF-8.
type Text string

// Binary goes from you to a session's PID: a binary message for the client. It is
// not to be changed afterwards.
type Binary []byte

// Bye goes from you to a session's PID: close it, with a code of RFC 6455, section
// 7.4, when what waits has been written. The zero Code is 1000. What cannot be sent (see
// conns.ValidateClose) becomes 1011, and Closed says so; Session.Send refuses it.
type Bye struct {
	Code   int
	Reason string
}

// What a session's goroutines, and its timer, report to it.
type (
	opening   struct{}          // the PID is known
	handled   struct{ *ticket } // a message, by an actor of the user's
	forwarded struct{ *ticket }
	full      struct{ room chan bool } // the window: the reader waits
	written   struct{ err error }
	ended     struct{ err error } // the reader
	leaving   struct{}            // the drain has come
	probe     struct{}            // something was handed over in it
	orphaned  struct{}            // the user's actor has ended
	tick      struct{}
	push      struct { // of Session.Send
		what any
		done chan error
	}
	withdrawn struct { // by Session.Send
		done chan error // of its push
		err  error      // why
	}
)
