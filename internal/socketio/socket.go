package socketio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
)

// ErrDisconnected is returned for what can no longer be sent or answered.
var ErrDisconnected = errors.New("socketio: the socket is disconnected")

// Handler is called with the arguments of an event. ack answers the client; it
// counts once, and does nothing if the client asked for no answer. Arguments
// are what encoding/json makes of them, and []byte.
type Handler func(args []any, ack func(args ...any))

// Handshake is what the client told when it connected.
type Handshake struct {
	// Auth is the payload of the client's CONNECT packet; empty if it had none.
	Auth map[string]any
	// Header, Query and RemoteAddr are those of the session's first request.
	Header     http.Header
	Query      url.Values
	RemoteAddr string
}

// Socket is one client's connection to one namespace. Its methods may be called
// from any goroutine, but for On and OnDisconnect.
type Socket struct {
	id     string
	ns     *Namespace
	client *client
	shake  Handshake

	// Set and read by handlers, which run one at a time.
	handlers map[string]Handler
	goodbyes []func(Reason)
}

// ID returns the socket's id, the one that the client sees.
func (k *Socket) ID() string { return k.id }

// Namespace returns the name of the socket's namespace.
func (k *Socket) Namespace() string { return k.ns.name }

// Handshake returns what the client told when it connected.
func (k *Socket) Handshake() Handshake { return k.shake }

// Context ends when the client's session does.
func (k *Socket) Context() context.Context { return k.client.s.ctx }

// On sets the handler of an event. Call it from a handler of this client, at
// best from OnConnection's. Handlers of one client run one after the other.
func (k *Socket) On(event string, h Handler) { k.handlers[event] = h }

// OnDisconnect adds a handler that is called once, after the last event's. Call
// it from where On may be called.
func (k *Socket) OnDisconnect(h func(Reason)) { k.goodbyes = append(k.goodbyes, h) }

// Emit sends an event. It does not wait for the client: what is sent after the
// client has gone is lost. An error means that it was certainly not sent.
func (k *Socket) Emit(event string, args ...any) error {
	c, err := encodeEvent(event, args)
	if err != nil {
		return err
	}
	if !k.emit(c) {
		return ErrDisconnected
	}
	return nil
}

func (k *Socket) emit(c content) bool {
	return k.client.s.tell(act(func() { k.client.emit(k, c) }))
}

// EmitWithAck sends an event and waits for the client's answer.
func (k *Socket) EmitWithAck(ctx context.Context, event string, args ...any) ([]any, error) {
	c, err := encodeEvent(event, args)
	if err != nil {
		return nil, err
	}
	reply := make(chan []any, 1)
	if !k.client.s.tell(act(func() { k.client.emitWithAck(k, c, reply) })) {
		return nil, ErrDisconnected
	}
	select {
	case answer, ok := <-reply:
		if !ok {
			return nil, ErrDisconnected
		}
		return answer, nil
	case <-ctx.Done():
		k.client.s.tell(act(func() { k.client.forgetAck(k, reply) }))
		return nil, fmt.Errorf("socketio: no answer to %q: %w", event, context.Cause(ctx))
	}
}

// Disconnect makes the client leave the namespace. It will not come back by
// itself; for a shutdown there is Server.CloseSessions.
func (k *Socket) Disconnect() {
	k.client.s.tell(act(func() { k.client.disconnect(k) }))
}

func encodeEvent(event string, args []any) (content, error) {
	return encodeContent(append([]any{event}, args...))
}

// handle runs the handler of an event.
func (k *Socket) handle(m *message) {
	args := m.args()
	h := k.handlers[args[0].(string)]
	if h == nil {
		return
	}
	var acked atomic.Bool
	h(args[1:], func(answer ...any) {
		if m.hasID && acked.CompareAndSwap(false, true) {
			k.ack(m.id, answer)
		}
	})
}

func (k *Socket) ack(id uint64, answer []any) {
	if answer == nil {
		answer = []any{}
	}
	c, err := encodeContent(answer)
	if err != nil {
		panic(err) // the handler's mistake, and the client waits for the answer
	}
	k.client.s.tell(act(func() { k.client.ack(k, id, c) }))
}

func (k *Socket) disconnected(reason Reason) {
	for _, h := range k.goodbyes {
		h(reason)
	}
}
