package child

import (
	"os/exec"
	"syscall"
)

// dieWithParent also moves the child out of the terminal's process group: an interrupt is for this process, which
// decides in which order its children go.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
