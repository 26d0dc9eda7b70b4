package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// suite is the compiled tests.
type suite struct {
	binary, dir string
	managed     string            // who does TLS, if Drain serves; else empty
	served      string            // what the last run said of the servers
	output      map[string]string // of what failed, by the name of the top-level test
}

type result string

const (
	pass    result = "PASS"
	fail    result = "FAIL"
	skipped result = "SKIP"
	hung    result = "hung or crashed"
)

// results are by the test's name.
type results map[string]result

var (
	started  = regexp.MustCompile(`(?m)^=== RUN +(\S+)`)
	finished = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+)`)
)

// run runs every test. Where one takes the process with it, those that were left
// are run again, each in a process of its own.
func (s *suite) run(skip []string) results {
	s.output = make(map[string]string)
	all := make(results)
	args := []string{"-test.timeout=60s"}
	if len(skip) > 0 {
		args = append(args, "-test.skip=^("+strings.Join(skip, "|")+")$")
	}
	out := s.process(args...)
	s.served = servedLine(out)
	all.read(out)
	for _, name := range s.tests() {
		switch {
		case slices.Contains(skip, name):
			all[name] = hung
		case all[name] == fail || all[name] == "":
			one := make(results)
			out := s.process("-test.timeout=20s", "-test.run=^"+name+"$")
			one.read(out)
			if one[name] != pass {
				s.output[name] = tail(out)
			}
			for n, r := range one {
				if all[n] == "" {
					all[n] = r
				}
			}
			if all[name] == "" {
				all[name] = hung
			}
		}
	}
	return all
}

func (s *suite) passesAlone(name string) bool {
	for range 3 {
		one := make(results)
		one.read(s.process("-test.timeout=20s", "-test.run=^"+strings.ReplaceAll(name, "/", "$/^")+"$"))
		if one[name] == pass {
			return true
		}
	}
	return false
}

// tests are the names of the top-level tests.
func (s *suite) tests() (names []string) {
	cmd := exec.Command(s.binary, "-test.list=^Test")
	cmd.Dir = s.dir
	out, _ := cmd.Output()
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Test") {
			names = append(names, strings.TrimSpace(line))
		}
	}
	return names
}

func (s *suite) process(args ...string) string {
	cmd := exec.Command(s.binary, append([]string{"-test.v", "-test.short"}, args...)...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "NETHTTP_MANAGED="+s.managed)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // the output says it
	return out.String()
}

// read reads what a process wrote: what was started and has no end, took the
// process with it, or was running when something else did.
func (r results) read(out string) {
	for _, m := range finished.FindAllStringSubmatch(out, -1) {
		r[m[2]] = result(m[1])
	}
	if strings.Contains(out, "\npanic: ") || strings.Contains(out, "\nfatal error: ") {
		return
	}
	for _, m := range started.FindAllStringSubmatch(out, -1) {
		if r[m[1]] == "" {
			r[m[1]] = hung
		}
	}
}

// leaves are the tests without subtests.
func (r results) leaves() (names []string) {
	parents := make(map[string]bool)
	for name := range r {
		for i, c := range name {
			if c == '/' {
				parents[name[:i]] = true
			}
		}
	}
	for name := range r {
		if !parents[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (r results) tops() (n int) {
	for name := range r {
		if !strings.Contains(name, "/") {
			n++
		}
	}
	return n
}

func top(name string) string {
	name, _, _ = strings.Cut(name, "/")
	return name
}

var servedRE = regexp.MustCompile(`(?m)^served by Drain: (\d+) servers$`)

func servedLine(out string) string {
	if m := servedRE.FindStringSubmatch(out); m != nil {
		return fmt.Sprintf("Drain served %s servers", m[1])
	}
	return "the process did not live to say how many servers Drain served"
}

// tail is the end of an output, from where it becomes interesting.
func tail(out string) string {
	const most = 4000
	if len(out) > most {
		out = "...\n" + out[len(out)-most:]
	}
	return out
}
