//go:build unix

package main

import (
	"strings"
	"testing"
)

// FuzzFlags: whatever the command line is, it is refused with a reason, or within
// the bounds of what may be asked for.
func FuzzFlags(f *testing.F) {
	for _, line := range []string{
		"-url\n" + someURL + "\n-pid\n5", "-base\nhttp://127.0.0.1:1\n-scenario=keepalive,sse\n--\n./server\n-x",
		"-url\n" + someURL + "\n-trials=0\n--\nx", "-conns\n100000", "-timeout=1h", "-signal\nKILL", "-count-output\n(", "-json\n-junit=x",
		"-url=http://[::1%25]:x/", "-list", "-think=-1s", "-\xff", "-pid=1",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "-h") || strings.Contains(line, "-i-own") {
			t.Skip() // help goes to the standard output; and no names are looked up here
		}
		o, err := parse(append([]string{"-i-own-this-host"}, strings.Split(line, "\n")...))
		switch {
		case err != nil:
			if err.Error() == "" {
				t.Fatalf("%q is refused without a reason", line)
			}
		case o.list:
		case o.plan.Conns < 1 || o.plan.Conns > maxConns || o.trials < 1 || o.trials > maxTrials,
			o.plan.Timeout <= 0 || o.plan.Timeout > maxTimeout || o.plan.Think < 0 || o.plan.RTT < 0,
			len(o.urls()) == 0, (len(o.command) == 0) == (o.pid == 0), o.pid < 0, o.pid == 1, len(o.scenarios) == 0:
			t.Fatalf("%q is let through: %+v", line, o)
		}
	})
}
