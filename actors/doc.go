// Package actors is the tree: a root, a server actor for each server, and a
// connection actor for each connection.
//
//	root                      one deadline; one report; answers everyone who asked
//	├─ server "http"          owns one server; adopts, counts, limits, refuses
//	│  ├─ connection          Busy · Idle · Close · Kill
//	│  └─ …
//	└─ any other actor that answers Shutdown with Drained
//
// Nothing blocks in a Receive. Whatever could block (binding, serving, closing) runs
// in a goroutine of its own and reports back with a message. The package knows no
// protocol: all it needs of a server is the Server interface.
package actors
