package socketio

import (
	"crypto/rand"
	"fmt"
	"net/http"
)

// client is the Socket.IO side of one session. Its methods run in the session's
// owner goroutine, which owns its fields; join and the handlers run as jobs.
type client struct {
	s       *session
	shake   Handshake
	dec     decoder
	seats   map[string]*seat
	greeted bool // it has joined, or asked to join, some namespace
}

// seat is a client's place in a namespace.
type seat struct {
	socket  *Socket
	joined  bool
	acks    map[uint64]chan<- []any
	nextAck uint64
}

func newClient(s *session) *client {
	return &client{s: s, seats: map[string]*seat{}}
}

func (c *client) greet(r *http.Request) {
	c.shake = Handshake{Header: r.Header, Query: r.URL.Query(), RemoteAddr: r.RemoteAddr}
}

// message takes an Engine.IO message.
func (c *client) message(p packet) error {
	m, err := c.dec.add(p)
	if err != nil || m == nil {
		return err
	}
	if m.typ == typeConnect {
		c.connect(m)
		return nil
	}
	if !c.greeted {
		return fmt.Errorf("%w: the first one must be CONNECT", errMessage)
	}
	st := c.seats[m.namespace]
	if st == nil {
		return nil // it crossed a DISCONNECT of ours
	}
	switch m.typ {
	case typeEvent:
		c.event(st, m)
	case typeAck:
		st.acked(m)
	case typeDisconnect:
		c.leave(st, ClientLeft)
	default:
		return fmt.Errorf("%w: only a server sends that type", errMessage)
	}
	return nil
}

// connect seats the client, pending the guards' word.
func (c *client) connect(m *message) {
	c.greeted = true
	if c.s.phase != serving || c.seats[m.namespace] != nil {
		return
	}
	v, known := c.s.srv.namespaces.Load(m.namespace)
	if !known {
		c.refuse(m.namespace, "Invalid namespace")
		return
	}
	shake := c.shake
	shake.Auth, _ = m.payload.(map[string]any)
	if shake.Auth == nil {
		shake.Auth = map[string]any{}
	}
	st := &seat{acks: map[uint64]chan<- []any{}, socket: &Socket{
		id: rand.Text(), ns: v.(*Namespace), client: c, shake: shake, handlers: map[string]Handler{},
	}}
	c.seats[m.namespace] = st
	c.s.enqueue(func() { c.join(st) })
}

// join is a job: it asks the guards, then lets the client in.
func (c *client) join(st *seat) {
	k := st.socket
	err := k.ns.admit(k)
	in := make(chan bool, 1)
	if !c.s.tell(act(func() { in <- c.admit(st, err) })) || !<-in {
		return
	}
	for _, h := range k.ns.connected {
		h(k)
	}
}

// admit acts on the guards' word, unless the client has left meanwhile.
func (c *client) admit(st *seat, err error) bool {
	k := st.socket
	switch {
	case c.seats[k.ns.name] != st:
		return false
	case err != nil:
		delete(c.seats, k.ns.name)
		c.refuse(k.ns.name, err.Error())
		return false
	}
	st.joined = true
	k.ns.sockets.Store(k, nil)
	c.s.joined()
	c.answer(message{typ: typeConnect, namespace: k.ns.name}, map[string]any{"sid": k.id})
	return true
}

func (c *client) refuse(namespace, why string) {
	c.answer(message{typ: typeConnectError, namespace: namespace}, map[string]any{"message": why})
}

// answer sends a payload of strings, which cannot fail to encode.
func (c *client) answer(m message, payload map[string]any) {
	body, _ := encodeContent(payload)
	c.s.send(encodeMessage(m, body)...)
}

// event queues the handler. Once the session is draining, the client is better
// off without an answer: it knows then that it has to repeat.
func (c *client) event(st *seat, m *message) {
	if c.s.phase == serving {
		c.s.enqueue(func() { st.socket.handle(m) })
	}
}

// leave empties a seat; the socket's goodbyes run after its last event.
func (c *client) leave(st *seat, reason Reason) {
	k := st.socket
	delete(c.seats, k.ns.name)
	for _, reply := range st.acks {
		close(reply)
	}
	clear(st.acks)
	if st.joined {
		k.ns.sockets.Delete(k)
		c.s.enqueueVital(func() { k.disconnected(reason) })
	}
}

func (c *client) disconnect(k *Socket) {
	if st := c.seated(k); st != nil {
		c.s.send(encodeMessage(message{typ: typeDisconnect, namespace: k.ns.name}, content{})...)
		c.leave(st, ServerLeft)
	}
}

func (c *client) ended(reason Reason) {
	for _, st := range c.seats {
		c.leave(st, reason)
	}
}

// seated returns the socket's seat, or nil if it has been left.
func (c *client) seated(k *Socket) *seat {
	if st := c.seats[k.ns.name]; st != nil && st.socket == k && st.joined {
		return st
	}
	return nil
}
