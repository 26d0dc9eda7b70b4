package target

import "syscall"

// dieWithParent lets the kernel kill the child should draincheck itself be killed without a chance to reap it.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
