package wsactor

import "github.com/asynkron/protoactor-go/actor"

// Opened goes from a session to your actor, before its first message.
type Opened struct{ Session *Session }

// Message goes from a session to your actor: a client has sent it.
type Message struct {
	Session *Session
	Binary  bool // else it is text; its encoding has not been checked
	Data    []byte
}

// GetAutoResponse tells the session that your actor has handled the message; the
// framework calls it after Receive.
func (*Message) GetAutoResponse(actor.Context) any { return handled{} }

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
// 7.4, when what waits has been written. The zero Code is 1000.
type Bye struct {
	Code   int
	Reason string
}

// What a session's goroutines, and its timer, report to it.
type (
	opening struct{} // the PID is known
	handled struct{} // a message, by the user's actor
	written struct{ err error }
	ended   struct{ err error } // the reader
	tick    struct{}
	push    struct { // of Session.Send
		what any
		done chan error
	}
)
