// Package conns is the serving goroutine's half of a connection. It follows the
// bytes, knows when the connection is between two units of work, and ends it
// without losing one. It knows no actors: what it has to report, it tells an Owner.
//
// One rule holds throughout: the goroutine that reads decides that a connection is
// idle, because it alone knows whether a byte has come. To end a connection, others
// ask (Close) and leave the rest to the reader. Only Kill does not ask.
//
// What handlers use lives here too (Draining, ErrDraining, the WebSocket options), so
// that a handler package needs no actor system to watch a channel. Package drain
// repeats these by name.
package conns
