// Package servers holds the adapters: HTTP (1.1, TLS, 2, with server-sent events
// and long polls), Socket.IO and raw TCP.
//
// It also has what you need to write your own: a Server (see package actors) whose
// Serve gives each connection to the Tracker. Acceptor empties and closes a listener
// without losing what the kernel has accepted, and conns.Conn.Serve runs a handler.
// The example yourOwnTransport is complete. Register names an adapter for
// configuration files.
package servers
