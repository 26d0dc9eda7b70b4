//go:build unix

package target

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// launch starts the command in a process group of its own: the terminal's Ctrl-C is ours alone, and nothing of the
// group survives Release.
func (s *Spec) launch() (*Process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(s.Command[0], s.Command[1:]...)
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)

	p := &Process{
		exited: make(chan struct{}), stopFailed: make(chan error, 1),
		own: true, spec: s, output: keep(r),
	}
	started := make(chan error, 1)
	go p.reap(cmd, started)
	err = <-started
	w.Close()
	if err != nil {
		r.Close()
		return nil, err
	}
	p.PID = cmd.Process.Pid
	return p, nil
}

// reap starts the child and waits for it. It stays on one thread, because the death of the thread that forked, not of the
// process, is what sends the parent-death signal.
func (p *Process) reap(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	started <- err
	if err != nil {
		return
	}
	state, err := cmd.Process.Wait()
	p.exit.At = time.Now()
	p.exit.Status = "exited"
	if err == nil {
		p.exit.describe(state)
	}
	// What the command leaves behind dies with it, as in a container: an orphan that went on serving would be counted
	// as the server's merit.
	p.exit.Orphans = killGroup(cmd.Process.Pid) == nil
	close(p.exited)
}

func (e *Exit) describe(state *os.ProcessState) {
	e.Status, e.Code = state.String(), state.ExitCode()
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		e.Signal = ws.Signal()
		e.Status = "killed by " + SignalName(e.Signal)
		if e.Signal == syscall.SIGKILL {
			e.Status = "killed by SIGKILL"
		}
	}
}

func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
