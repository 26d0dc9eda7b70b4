//go:build unix

package testserver

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The environment of a test binary that is to be a server.
const (
	modeEnv = "DRAINCHECK_TESTSERVER"
	addrEnv = "DRAINCHECK_TESTSERVER_ADDR"
)

// Modes that only a process has.
const (
	// CrashAtStart exits with status 3 before it listens.
	CrashAtStart Mode = "crash-at-start"
	// NeverReady runs and never listens.
	NeverReady Mode = "never-ready"
	// CrashUnderLoad dies of the first request.
	CrashUnderLoad Mode = "crash-under-load"
	// Unready answers 503 to everything from the start.
	Unready Mode = "unready"
	// NoHandler leaves the signal to the runtime.
	NoHandler Mode = "no-handler"
)

// Env is what a test binary must be started with to be such a server. (The race detector would let it sleep for a second
// before it exits.)
func Env(mode Mode, addr string) []string {
	return []string{modeEnv + "=" + string(mode), addrEnv + "=" + addr, "GORACE=atexit_sleep_ms=0"}
}

// Main turns the test binary into a server if its environment says so; it then doesn't return. Call it in TestMain.
func Main() {
	mode := Mode(os.Getenv(modeEnv))
	if mode == "" {
		return
	}
	fmt.Println("testserver:", mode)
	switch mode {
	case CrashAtStart:
		fmt.Fprintln(os.Stderr, "panic: no configuration")
		os.Exit(3)
	case NeverReady:
		time.Sleep(time.Hour)
	}
	l, err := Listen(os.Getenv(addrEnv))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if mode == CrashUnderLoad {
		for {
			c, err := l.Accept()
			if n, _ := c.Read(make([]byte, 1)); err == nil && n == 1 { // a probe for readiness says nothing
				panic("a bug")
			}
		}
	}
	stop := context.Background()
	if mode != NoHandler {
		var cancel context.CancelFunc
		stop, cancel = signal.NotifyContext(stop, syscall.SIGTERM)
		defer cancel()
	}
	s := &Server{Mode: mode}
	s.Serve(l, stop)
	fmt.Println("executed", s.Executed())
	os.Exit(0)
}
