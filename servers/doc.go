// Package servers holds the adapters: HTTP (1.1, TLS, 2), Socket.IO, raw TCP,
// and what it takes to write your own.
package servers
