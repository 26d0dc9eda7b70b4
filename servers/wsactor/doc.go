// Package wsactor makes each WebSocket a conversation with an actor. What a client
// sends goes to a function, or as a *Message to an actor of yours; what you send to
// the PID of its Session goes to the client.
//
// An idle one is lean: net/http's goroutine and its buffers are given back after
// the handshake, buffers are borrowed for the time of a message, and nothing is
// kept for writing while nothing is written. Beneath it is gorilla/websocket, and
// beneath that a managed connection, so that a drain closes it between two messages
// like any other; outside a managed server it works too.
//
//	room := system.Root.Spawn(actor.PropsFromProducer(newRoom))
//	mux.Handle("/chat", wsactor.New(system, wsactor.Options{Actor: room}))
//
// Your actor receives Opened, *Message and Closed, in this order for each session,
// and answers by sending Text or Binary to the session's PID.
package wsactor
