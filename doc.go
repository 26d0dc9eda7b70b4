// Package drain shuts Go servers down without losing anything.
//
//	srv := &http.Server{Addr: ":8080", Handler: mux}
//	report, err := drain.Run(ctx, servers.HTTP(srv)) // serves; on SIGTERM, SIGINT or ctx: drains
//
// In a drain, a request that has been written is answered, the accept queue is
// served before its listener closes, and a WebSocket message is finished and
// followed by a close frame. All of that happens by one deadline. The Report says
// what happened; the README lists the promises and their limits.
//
// Every connection is an actor that receives Busy, Idle and Close. A server actor
// supervises the connections that it accepted. A root actor broadcasts Shutdown and
// completes when every child has stopped.
//
// Start with Run and Config. Package servers has the adapters (HTTP, raw TCP,
// Socket.IO, your own). Package conns is what handlers use, repeated here by name.
// Package actors makes the tree a part of your own actor system. Package messages
// is the protocol.
package drain
