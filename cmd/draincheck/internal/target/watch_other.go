//go:build unix && !linux

package target

import (
	"syscall"
	"time"
)

// watch closes p.exited when a process that isn't our child has ended. Without a pidfd nothing tells us: it is asked for.
func watch(p *Process) error {
	if err := syscall.Kill(p.PID, 0); err != nil && err != syscall.EPERM {
		return err
	}
	go func() {
		for range time.Tick(5 * time.Millisecond) {
			if err := syscall.Kill(p.PID, 0); err == syscall.ESRCH {
				break
			}
		}
		p.exit = Exit{At: time.Now(), Status: "exited"}
		close(p.exited)
	}()
	return nil
}
