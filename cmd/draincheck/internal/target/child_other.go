//go:build unix && !linux

package target

import "syscall"

func dieWithParent(*syscall.SysProcAttr) {}
