//go:build !linux && !darwin

package servers

import (
	"errors"
	"syscall"
)

// reusePort is not to be had here.
func reusePort(_, _ string, _ syscall.RawConn) error {
	return errors.New("ReusePort is not supported on this system")
}
