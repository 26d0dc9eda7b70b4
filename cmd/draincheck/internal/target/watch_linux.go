package target

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// watch closes p.exited when a process that isn't our child has ended: a pidfd becomes readable.
func watch(p *Process) error {
	fd, err := unix.PidfdOpen(p.PID, unix.PIDFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	go func() {
		defer unix.Close(fd)
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			if _, err := unix.Poll(fds, -1); err != unix.EINTR {
				break
			}
		}
		p.exit = Exit{At: time.Now(), Status: "exited"}
		close(p.exited)
	}()
	return nil
}
