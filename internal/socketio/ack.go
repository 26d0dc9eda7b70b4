package socketio

// emit sends an event of a socket that has not been left.
func (c *client) emit(k *Socket, body content) {
	if c.seated(k) != nil {
		c.s.send(encodeMessage(message{typ: typeEvent, namespace: k.ns.name}, body)...)
	}
}

// emitWithAck sends an event and remembers who waits for the answer.
func (c *client) emitWithAck(k *Socket, body content, reply chan<- []any) {
	st := c.seated(k)
	if st == nil || c.s.phase >= leaving {
		close(reply)
		return
	}
	id := st.nextAck
	st.nextAck++
	st.acks[id] = reply
	m := message{typ: typeEvent, namespace: k.ns.name, id: id, hasID: true}
	c.s.send(encodeMessage(m, body)...)
}

// forgetAck is for a waiter who has given up.
func (c *client) forgetAck(k *Socket, reply chan<- []any) {
	st := c.seated(k)
	if st == nil {
		return
	}
	for id, r := range st.acks {
		if r == reply {
			delete(st.acks, id)
		}
	}
}

// acked hands the client's answer to who waits for it.
func (st *seat) acked(m *message) {
	if reply, ok := st.acks[m.id]; ok {
		delete(st.acks, m.id)
		reply <- m.args()
	}
}

// ack sends the answer to a client's event.
func (c *client) ack(k *Socket, id uint64, body content) {
	if c.seated(k) != nil {
		m := message{typ: typeAck, namespace: k.ns.name, id: id, hasID: true}
		c.s.send(encodeMessage(m, body)...)
	}
}
