package socketio

import "sync"

// Namespace is one of the channels that a client can join. Set it up before the
// server serves.
type Namespace struct {
	name      string
	guards    []func(*Socket) error
	connected []func(*Socket)
	sockets   sync.Map // *Socket to nothing: those that have joined
}

// Name returns the namespace's name, which begins with a slash.
func (ns *Namespace) Name() string { return ns.name }

// Use adds a guard. If it returns an error, the client is turned away with a
// CONNECT_ERROR that carries the error's text. It may block.
func (ns *Namespace) Use(guard func(*Socket) error) { ns.guards = append(ns.guards, guard) }

// OnConnection adds a handler for clients that have joined. It is the place to
// call Socket.On and Socket.OnDisconnect: the client's events wait for it to
// return.
func (ns *Namespace) OnConnection(handler func(*Socket)) {
	ns.connected = append(ns.connected, handler)
}

// Emit sends an event to every client that has joined. It returns an error only
// if the arguments cannot be encoded.
func (ns *Namespace) Emit(event string, args ...any) error {
	c, err := encodeEvent(event, args)
	if err != nil {
		return err
	}
	ns.sockets.Range(func(k, _ any) bool {
		k.(*Socket).emit(c)
		return true
	})
	return nil
}

func (ns *Namespace) admit(socket *Socket) error {
	for _, guard := range ns.guards {
		if err := guard(socket); err != nil {
			return err
		}
	}
	return nil
}
