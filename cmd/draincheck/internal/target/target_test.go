//go:build unix

package target

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/godrain/drain/cmd/draincheck/internal/testserver"
	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

func TestMain(m *testing.M) {
	testserver.Main()
	goleak.VerifyTestMain(m)
}

func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// spec starts this test binary as a server.
func spec(t *testing.T, mode testserver.Mode) *Spec {
	addr := freeAddr(t)
	for _, kv := range testserver.Env(mode, addr) {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
	return &Spec{
		Command: []string{os.Args[0]}, Signal: syscall.SIGTERM, Addrs: []string{addr}, StartTimeout: 10 * time.Second,
		Ready: func(ctx context.Context) error {
			c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
			if err == nil {
				c.Close()
			}
			return err
		},
	}
}

func start(t *testing.T, s *Spec) *Process {
	t.Helper()
	p, err := s.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(p.Release)
	return p
}

func TestAServerIsStartedStoppedAndReaped(t *testing.T) {
	p := start(t, spec(t, testserver.Clean))
	at, err := p.Stop(t.Context())
	require.NoError(t, err)
	<-p.Exited()
	assert.Equal(t, "exit status 0", p.Exit().Status)
	assert.True(t, p.Exit().At.After(at))
	assert.False(t, p.Exit().Orphans)
	assert.Contains(t, p.Output(), "testserver: clean")
	assert.ErrorIs(t, syscall.Kill(p.PID, 0), syscall.ESRCH)
	p.Release()
}

func TestAServerThatCrashesAtItsStart(t *testing.T) {
	_, err := spec(t, testserver.CrashAtStart).Start(t.Context())
	var failed *verdict.Failure
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, failed.Reason, "exited before it was ready: exit status 3")
	assert.Contains(t, failed.Output, "panic: no configuration")
}

func TestAServerThatIsNeverReady(t *testing.T) {
	s := spec(t, testserver.NeverReady)
	s.StartTimeout = 300 * time.Millisecond
	_, err := s.Start(t.Context())
	var failed *verdict.Failure
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, failed.Reason, "was not ready 300ms after its start")
	assert.Contains(t, failed.Output, "testserver: never-ready")
}

func TestACommandThatDoesNotExist(t *testing.T) {
	s := spec(t, testserver.Clean)
	s.Command = []string{"/nonexistent/server"}
	_, err := s.Start(t.Context())
	require.ErrorContains(t, err, "cannot start")
}

func TestACommandThatGoesIntoTheBackground(t *testing.T) {
	s := spec(t, testserver.Clean)
	s.Command = []string{"true"}
	_, err := s.Start(t.Context())
	require.ErrorContains(t, err, "stay in the foreground")
}

func TestAPortInUse(t *testing.T) {
	s := spec(t, testserver.Clean)
	l, err := net.Listen("tcp", s.Addrs[0])
	require.NoError(t, err)
	defer l.Close()
	_, err = s.Start(t.Context())
	require.ErrorContains(t, err, "something listens on")
}

func TestReleaseKillsWhatIgnoresTheSignal(t *testing.T) {
	p := start(t, spec(t, testserver.Ignore))
	_, err := p.Stop(t.Context())
	require.NoError(t, err)
	p.Release()
	assert.Equal(t, "killed by SIGKILL", p.Exit().Status)
}

func TestASignalWithoutAHandler(t *testing.T) {
	p := start(t, spec(t, testserver.NoHandler))
	_, err := p.Stop(t.Context())
	require.NoError(t, err)
	<-p.Exited()
	assert.Equal(t, syscall.SIGTERM, p.Exit().Signal)
	assert.Equal(t, "killed by SIGTERM", p.Exit().Status)
}

func TestOrphansAreKilled(t *testing.T) {
	s := spec(t, testserver.Clean)
	s.Command = []string{"sh", "-c", `"$0"; true`, os.Args[0]}
	p := start(t, s)
	_, err := p.Stop(t.Context())
	require.NoError(t, err)
	<-p.Exited()
	assert.True(t, p.Exit().Orphans, "the shell doesn't hand the signal on")
	p.Output() // ends with the last of the group
	assert.Error(t, s.Ready(t.Context()))
}

func TestAStopCommand(t *testing.T) {
	s := spec(t, testserver.Clean)
	s.StopCmd = "kill -TERM $PID"
	p := start(t, s)
	_, err := p.Stop(t.Context())
	require.NoError(t, err)
	<-p.Exited()
	assert.Equal(t, 0, p.Exit().Code)
}

func TestAStopCommandThatFails(t *testing.T) {
	s := spec(t, testserver.Clean)
	s.StopCmd = "echo no such service; exit 5"
	p := start(t, s)
	_, err := p.Stop(t.Context())
	require.NoError(t, err)
	require.ErrorContains(t, <-p.stopFailed, "no such service")
}

func TestAProcessThatRunsAlready(t *testing.T) {
	s := spec(t, testserver.Clean)
	cmd := exec.Command(os.Args[0])
	require.NoError(t, cmd.Start())
	reaped := make(chan struct{})
	go func() { cmd.Wait(); close(reaped) }()
	require.NoError(t, s.awaitReady(t.Context(), &Process{exited: make(chan struct{})}, time.Now()))

	s.Command, s.PID = nil, cmd.Process.Pid
	p := start(t, s)
	p.Release()
	select {
	case <-p.Exited():
		t.Fatal("what wasn't started here isn't killed here")
	default:
	}
	_, err := p.Stop(t.Context())
	require.NoError(t, err)
	<-p.Exited()
	<-reaped
	_, err = s.Start(t.Context())
	require.ErrorContains(t, err, "no process")
}

func TestOnlyTheEndOfTheOutputIsKept(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	o := keep(r)
	w.WriteString(strings.Repeat("x", 2*maxOutput) + "the end")
	w.Close()
	text := o.text()
	assert.Len(t, text, maxOutput)
	assert.True(t, strings.HasSuffix(text, "the end"))
}

func TestSignals(t *testing.T) {
	for in, want := range map[string]syscall.Signal{"TERM": syscall.SIGTERM, "SIGUSR1": syscall.SIGUSR1, "int": syscall.SIGINT} {
		sig, err := ParseSignal(in)
		require.NoError(t, err)
		assert.Equal(t, want, sig)
	}
	_, err := ParseSignal("KILL")
	require.ErrorContains(t, err, "unknown signal")
	assert.Equal(t, "SIGQUIT", SignalName(syscall.SIGQUIT))
	assert.Equal(t, "killed", SignalName(syscall.SIGKILL))
}
