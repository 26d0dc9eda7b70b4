// Package wsactor makes each WebSocket a conversation with an actor. What a client
// sends goes to a function, or as a *Message to an actor of yours. What you send to
// the PID of its Session goes to the client.
//
//	room := system.Root.Spawn(actor.PropsFromProducer(newRoom))
//	mux.Handle("/chat", wsactor.New(system, wsactor.Options{Actor: room}))
//
// Your actor receives Opened, *Message and Closed, in this order for each session,
// and answers by sending Text or Binary to the session's PID.
//
// An idle session is lean: net/http's goroutine and its buffers are given back after
// the handshake, buffers are borrowed for the duration of a message, and nothing is
// kept for writing while nothing is written. Underneath is gorilla/websocket on a
// managed connection, so a drain closes a session between two messages like any
// other WebSocket. The package works outside a managed server too.
package wsactor
