// Package reliability tries to break Drain: random faults under load, hostile
// peers, conformance measured against a bare net/http, long soaks. It contains only
// tests.
//
// The short form of everything runs with the other tests. Flags select the long
// forms:
//
//	go test ./reliability -run Chaos -chaos.drains=10000                     random drains; each failure prints its seed
//	go test ./reliability -run Chaos -chaos.seed=42                          one of them again
//	go test ./reliability -run Soak -soak.for=1h -soak.every=1m -timeout=3h  load, and a restart each minute
//
// What they have found and measured is in docs/reliability.md.
package reliability
