package devcluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster/internal/child"
)

// identity names a process so that no other can be taken for it: systems use a pid again.
type identity struct {
	PID     int
	Started string // as startOf says
}

func identify(pid int) identity { return identity{PID: pid, Started: startOf(pid)} }

func (p identity) running() bool { return p.PID > 0 && p.Started != "" && startOf(p.PID) == p.Started }

// signal signals the process if it still is the one that was started.
func (p identity) signal(sig os.Signal) error {
	handle, err := os.FindProcess(p.PID) // First the handle, then the check: where handles are real, nothing slips between.
	if err != nil {
		return nil
	}
	defer handle.Release()
	if !p.running() {
		return nil
	}
	if err := handle.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// end ends the process, politely first if it gets a grace, and returns when it is gone.
func (p identity) end(grace time.Duration) error {
	if grace > 0 {
		if err := p.signal(syscall.SIGTERM); err != nil {
			return err
		}
		if p.goneWithin(grace) {
			return nil
		}
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	if !p.goneWithin(10 * time.Second) {
		return fmt.Errorf("pid %d is still there after it was killed", p.PID)
	}
	return nil
}

func (p identity) goneWithin(limit time.Duration) bool {
	for deadline := time.Now().Add(limit); p.running(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// path is where a component's program is.
func (c component) path(binDir string) string {
	if filepath.IsAbs(c.binary) {
		return c.binary
	}
	return filepath.Join(binDir, c.binary)
}

// launch starts a component. A nil launcher starts it detached, in a session of its own.
func launch(c component, s *state, launcher *child.Launcher) (identity, error) {
	log, err := os.OpenFile(s.log(c.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return identity{}, err
	}
	defer log.Close()
	cmd := &exec.Cmd{
		Path:   c.path(s.BinDir),
		Args:   append([]string{c.name}, c.args(s)...),
		Dir:    s.Dir,
		Env:    append(append(os.Environ(), "HOME="+s.Dir), c.env...), // without the files in the developer's home directory
		Stdout: log,
		Stderr: log,
	}
	if launcher != nil {
		err = launcher.Start(cmd)
	} else {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		err = cmd.Start()
	}
	if err != nil {
		return identity{}, fmt.Errorf("%s: %w", c.name, err)
	}
	p := identify(cmd.Process.Pid) // before it can be reaped, so it is there
	go cmd.Wait()                  //nolint:errcheck // only so that it leaves no zombie while this process lives
	return p, nil
}

// LastLines returns the last n lines of a log, for an error message.
func LastLines(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
