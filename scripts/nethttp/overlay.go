package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// shims give tests outside of the standard library what they use of its internal
// packages, which are to be had under net/http/transplant.
var shims = map[string]string{
	"internal/testenv": `import ("context"; "os/exec"; "testing"; real "internal/testenv")
func Builder() string { return real.Builder() }
func SkipFlaky(t testing.TB, issue int) { t.Helper(); real.SkipFlaky(t, issue) }
func MustHaveSource(t testing.TB) { real.MustHaveSource(t) }
func Command(t testing.TB, name string, args ...string) *exec.Cmd { return real.Command(t, name, args...) }
func CommandContext(t testing.TB, ctx context.Context, name string, args ...string) *exec.Cmd { return real.CommandContext(t, ctx, name, args...) }
func Executable(t testing.TB) string { return real.Executable(t) }
func MustHaveExec(t testing.TB) { real.MustHaveExec(t) }`,
	"internal/synctest": `import real "internal/synctest"
func Wait() { real.Wait() }
func Run(f func()) { real.Run(f) }`,
	"internal/nettrace": `import real "internal/nettrace"
type (LookupIPAltResolverKey = real.LookupIPAltResolverKey; TraceKey = real.TraceKey; Trace = real.Trace)`,
	"net/http/internal": `import ("io"; real "net/http/internal")
func NewChunkedWriter(w io.Writer) io.WriteCloser { return real.NewChunkedWriter(w) }`,
	"net/http/internal/testcert": `import real "net/http/internal/testcert"
var LocalhostCert, LocalhostKey = real.LocalhostCert, real.LocalhostKey`,
}

// importPath is where the tests come to lie.
const importPath = "github.com/godrain/drain/scripts/nethttp/managed"

// elsewhere is the import path of a shim: no element of it may be "internal". The
// package's name stays.
func elsewhere(name string) string {
	return "net/http/transplant/" + strings.ReplaceAll(name, "internal", "exported")
}

// lay writes what the compiler is to see into dir, and returns the overlay that
// puts it in its place: net/http's external tests in pkg, beside managed_test.go;
// net/http with a way to serve otherwise, and with what its own export_test.go
// exports; and the shims.
func lay(dir, goroot, pkg string) (overlay string, err error) {
	nethttp := filepath.Join(goroot, "src", "net", "http")
	replace := make(map[string]string)
	put := func(at string, text []byte) error {
		file := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		replace[at] = file
		return os.WriteFile(file, text, 0o600)
	}
	tests, err := filepath.Glob(filepath.Join(nethttp, "*_test.go"))
	if err != nil {
		return "", err
	}
	for _, file := range tests {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if !bytes.Contains(text, []byte("\npackage http_test\n")) || strings.HasPrefix(filepath.Base(file), "example_") {
			continue
		}
		// One test looks for its own name in a log.
		text = bytes.ReplaceAll(text, []byte("net/http_test.testWrite"), []byte(importPath+"_test.testWrite"))
		text = bytes.Replace(text, []byte("v := m.Run()\n"), []byte("v := m.Run()\n\ttellServed()\n"), 1)
		for name := range shims {
			text = bytes.ReplaceAll(text, []byte(`"`+name+`"`), []byte(`"`+elsewhere(name)+`"`))
		}
		if err = put(filepath.Join(pkg, filepath.Base(file)), text); err != nil {
			return "", err
		}
	}
	for name, text := range shims {
		at := filepath.Join(goroot, "src", filepath.FromSlash(elsewhere(name)), "shim.go")
		if err = put(at, []byte("package "+path.Base(name)+"\n"+text+"\n")); err != nil {
			return "", err
		}
	}
	export, err := os.ReadFile(filepath.Join(nethttp, "export_test.go"))
	if err != nil {
		return "", err
	}
	if err = put(filepath.Join(nethttp, "export_for_tests.go"), export); err != nil {
		return "", err
	}
	server, err := os.ReadFile(filepath.Join(nethttp, "server.go"))
	if err != nil {
		return "", err
	}
	for old, new := range map[string]string{
		"func (s *Server) Serve(l net.Listener) error {\n": `func (s *Server) Serve(l net.Listener) error {
	if ServeInstead != nil {
		if done, err := ServeInstead(s, l); done {
			return err
		}
	}
`,
		// A test's hook is not called for what Drain serves itself.
		"if fn := testHookServerServe; fn != nil {": "if fn := testHookServerServe; fn != nil && ServeInstead == nil {",
	} {
		if bytes.Count(server, []byte(old)) != 1 {
			return "", fmt.Errorf("http.Server.Serve of this version of Go is not as it was: adapt scripts/nethttp")
		}
		server = bytes.Replace(server, []byte(old), []byte(new), 1)
	}
	server = append(server, []byte(`
var ServeInstead func(*Server, net.Listener) (bool, error)

func CallTestHookServerServe(s *Server, l net.Listener) {
	if fn := testHookServerServe; fn != nil {
		fn(s, l)
	}
}

func (s *Server) IsDownForTesting() bool { return s.shuttingDown() }
`)...)
	if err = put(filepath.Join(nethttp, "server.go"), server); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}
