// Package conns is the serving goroutine's half of a connection: it follows the
// bytes, knows when the connection is between two units of work, and ends it
// without losing one. It knows no actors: what it has to say, it tells an Owner.
//
// The rule of the package: the goroutine that reads decides that a connection
// is idle. Whoever wants the connection gone asks (Close) and leaves the rest to
// the reader, who alone knows whether a byte has come; only Kill does not ask.
//
// What handlers use lives here too, so that a handler package needs no actor
// system to watch a channel: Draining, ErrDraining and the WebSocket options.
// Package drain repeats them by name.
package conns
