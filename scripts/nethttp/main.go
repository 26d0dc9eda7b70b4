// Command nethttp runs the tests of the installed Go's net/http (those of package
// http_test: of the server, of the client, and of both) as they are, and then with
// every http.Server that they serve served by Drain. What passes bare has to pass
// managed, but for what known.txt gives a reason for.
//
// None of those tests is in this repository. They are compiled by an overlay, with
// a net/http that has one more line in Server.Serve; see overlay.go.
package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

//go:embed known.txt
var known string

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "nethttp:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "nethttp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	goroot := strings.TrimSpace(string(out))
	pkg, err := filepath.Abs("scripts/nethttp/managed")
	if err != nil {
		return err
	}
	overlay, err := lay(dir, goroot, pkg)
	if err != nil {
		return err
	}
	s := suite{binary: filepath.Join(dir, "tests"), dir: filepath.Join(goroot, "src", "net", "http")}
	build := exec.Command("go", "test", "-c", "-vet=off", "-tags", "nethttp", "-overlay", overlay, "-o", s.binary, pkg)
	build.Stderr = os.Stderr
	if err = build.Run(); err != nil {
		return fmt.Errorf("net/http's tests of %s do not compile elsewhere: adapt scripts/nethttp: %w", runtime.Version(), err)
	}
	bare := s.run(nil)
	var errs []error
	// TLS by the adapter, as http.Server.TLSConfig asks for it, and TLS by a listener
	// of the user's.
	for _, s.managed = range []string{"adapter", "listener"} {
		errs = append(errs, judge(&s, bare, s.run(notRun())))
	}
	return errors.Join(errs...)
}

// reasons are those of known.txt, by the test's name. A line is a name, which
// stands for its subtests too, and why it may differ.
func reasons() map[string]string {
	list := make(map[string]string)
	for line := range strings.Lines(known) {
		name, why, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" && name != "#" {
			list[name] = strings.TrimSpace(why)
		}
	}
	return list
}

// notRun are those whose reason begins with "not run:": they are not run.
func notRun() (names []string) {
	for name, why := range reasons() {
		if strings.HasPrefix(why, "not run:") {
			names = append(names, name)
		}
	}
	return names
}

func reasonFor(name string) (string, bool) {
	list := reasons()
	for n := name; ; {
		if why, ok := list[n]; ok {
			return why, true
		}
		i := strings.LastIndexByte(n, '/')
		if i < 0 {
			return "", false
		}
		n = n[:i]
	}
}

// judge compares. A test that fails in the company of the others gets three more
// tries alone: they measure time, and a machine may be busy.
func judge(s *suite, bare, managed results) error {
	var failsBare, differ, unexplained []string
	passed := 0
	for _, name := range bare.leaves() {
		switch {
		case bare[name] == skipped:
		case bare[name] != pass:
			failsBare = append(failsBare, name)
		case managed[name] == pass:
			passed++
		default:
			differ = append(differ, name)
		}
	}
	differ = slices.DeleteFunc(differ, func(name string) bool {
		if _, ok := reasonFor(name); ok || !s.passesAlone(name) {
			return false
		}
		fmt.Println("passes alone, not in company:", name)
		passed++
		return true
	})
	fmt.Printf("%s, TLS by the %s: %d tests run (%d subtests and single tests that pass bare, %d do not), %d pass managed too, %d differ; %s\n",
		runtime.Version(), s.managed, bare.tops(), passed+len(differ), len(failsBare), passed, len(differ), s.served)
	for _, name := range failsBare {
		fmt.Println("  fails bare:", name)
	}
	for _, name := range differ {
		why, ok := reasonFor(name)
		if !ok {
			unexplained = append(unexplained, name)
			why = "NO REASON IS KNOWN"
		}
		fmt.Printf("  differs: %s: %s\n", name, why)
	}
	if len(unexplained) > 0 {
		for _, name := range unexplained {
			fmt.Fprintf(os.Stderr, "\n%s\n%s", name, s.output[top(name)])
		}
		return fmt.Errorf("%d tests of net/http's pass bare and fail managed", len(unexplained))
	}
	if passed < 500 {
		return fmt.Errorf("no more than %d passed: the tests were not run as they should be", passed)
	}
	return nil
}
