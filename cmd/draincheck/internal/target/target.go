//go:build unix

// Package target starts the server under test, waits until it is ready, asks it to stop, and reaps it: whatever happens,
// no child outlives its trial.
package target

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/godrain/drain/cmd/draincheck/internal/verdict"
)

// Spec says how to get a server and how to stop it.
type Spec struct {
	Command []string       // started for each trial, unless PID is set
	PID     int            // a process that runs already: it can be stopped once
	Signal  syscall.Signal // how it is asked to stop
	StopCmd string         // a shell command in the signal's stead; $PID is the process
	Addrs   []string       // addresses that must be free before the start
	// Ready returns nil when the server is ready. It is asked again and again: a foreign server sends no event.
	Ready        func(context.Context) error
	StartTimeout time.Duration
}

// Process is a server that runs.
type Process struct {
	PID    int
	exited chan struct{}
	exit   Exit
	own    bool // started by us, so killed and reaped by us
	output *output
	spec   *Spec

	// Of a stop command, if one was run.
	endStopCmd  context.CancelFunc
	stopCmdOver chan struct{}
	stopFailed  chan error
}

// Exit says how a process ended.
type Exit struct {
	At     time.Time
	Status string // "exit status 0", "killed by SIGTERM", "exited"
	Signal syscall.Signal
	Code   int
	// Orphans is set if it left members of its process group behind, which were then killed.
	Orphans bool
}

// Start returns a server that is ready, or an *verdict.Failure that says why there is none.
func (s *Spec) Start(ctx context.Context) (*Process, error) {
	if s.PID != 0 {
		return s.attach(ctx)
	}
	if err := s.mustBeFree(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	p, err := s.launch()
	if err != nil {
		return nil, &verdict.Failure{Reason: fmt.Sprintf("cannot start %q: %v", strings.Join(s.Command, " "), err)}
	}
	if err := s.awaitReady(ctx, p, began); err != nil {
		p.Release()
		var failed *verdict.Failure
		if errors.As(err, &failed) {
			failed.Output = p.Output()
		}
		return nil, err
	}
	return p, nil
}

func (s *Spec) attach(ctx context.Context) (*Process, error) {
	p := &Process{PID: s.PID, exited: make(chan struct{}), stopFailed: make(chan error, 1), spec: s}
	if err := watch(p); err != nil {
		return nil, &verdict.Failure{Reason: fmt.Sprintf("no process %d: %v", s.PID, err)}
	}
	if err := s.Ready(ctx); err != nil {
		return nil, &verdict.Failure{Reason: fmt.Sprintf("process %d is not ready: %v", s.PID, err)}
	}
	return p, nil
}

// Stop asks the server to stop, and returns the instant before the asking. It doesn't wait for a stop command, which may
// itself wait for the server's end.
func (p *Process) Stop(ctx context.Context) (time.Time, error) {
	at := time.Now()
	if p.spec.StopCmd != "" {
		p.runStopCmd(ctx)
		return at, nil
	}
	if err := syscall.Kill(p.PID, p.spec.Signal); err != nil {
		return at, fmt.Errorf("%s to process %d: %w", SignalName(p.spec.Signal), p.PID, err)
	}
	return at, nil
}

// runStopCmd runs until the command ends, or Release ends it.
func (p *Process) runStopCmd(ctx context.Context) {
	ctx, p.endStopCmd = context.WithCancel(ctx)
	p.stopCmdOver = make(chan struct{})
	cmd := exec.CommandContext(ctx, "sh", "-c", p.spec.StopCmd)
	cmd.Env = append(cmd.Environ(), "PID="+strconv.Itoa(p.PID))
	cmd.WaitDelay = time.Second
	go func() {
		defer close(p.stopCmdOver)
		if out, err := cmd.CombinedOutput(); err != nil {
			p.stopFailed <- fmt.Errorf("-stop-cmd %q: %w: %s", p.spec.StopCmd, err, strings.TrimSpace(string(out)))
		}
	}()
}

// StopError is what a stop command failed with, so far.
func (p *Process) StopError() error {
	select {
	case err := <-p.stopFailed:
		return err
	default:
		return nil
	}
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Exit says how it ended. It may be called once Exited is closed.
func (p *Process) Exit() Exit { return p.exit }

// Release kills what still runs of a child and waits until it is reaped. A process that was not started here is left alone.
func (p *Process) Release() {
	if p.endStopCmd != nil {
		p.endStopCmd()
		<-p.stopCmdOver
	}
	if !p.own {
		return
	}
	select {
	case <-p.exited:
	default:
		killGroup(p.PID)
		<-p.exited
	}
}

// Output is the end of what a child wrote. It may be called once the process has ended.
func (p *Process) Output() string {
	if p.output == nil {
		return ""
	}
	return p.output.text()
}
