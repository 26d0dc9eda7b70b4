package clienttest

import "testing"

// Dir returns the directory with the clients' npm packages, for a test that wants
// a file of them (the bundle for browsers).
func Dir(t testing.TB) string { return install(t) }
