// Package drain shuts Go servers down without losing anything.
//
//	srv := &http.Server{Addr: ":8080", Handler: mux}
//	report, err := drain.Run(ctx, servers.HTTP(srv)) // serves; on SIGTERM, SIGINT or ctx: drains
//
// Every connection is an actor that hears Busy, Idle and Close; a server actor
// supervises the connections it accepted; a root actor broadcasts Shutdown and
// completes when every child has stopped. A request that has been written is
// answered, an accept queue is served before its listener closes, a WebSocket
// message is finished and followed by a close frame, and everything happens by
// one deadline. The Report says what happened.
//
// Where to go from here: Run and Config are the face; package servers has the
// adapters (HTTP, raw TCP, Socket.IO, your own); package conns is what handlers
// use, repeated here by name; package actors makes the tree a part of your own
// actor system; package messages is the protocol.
package drain
