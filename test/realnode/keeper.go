//go:build linux

package realnode

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC |
	syscall.CLONE_NEWPID | syscall.CLONE_NEWCGROUP

// Keep runs the node that was prepared in dir. It returns when the node has ended by itself, at SIGTERM, or, unless the node
// is detached, when standard input is closed. Nothing of the node is left then but its files.
func Keep(dir string, detached bool) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	runtime.LockOSThread() // The child is killed when the thread that started it ends.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	groups, err := newCgroups(fmt.Sprintf("realnode-%d", os.Getpid()))
	if err != nil {
		return err
	}
	defer func() {
		if err := groups.remove(); err != nil {
			fmt.Fprintln(os.Stderr, "realnode:", err)
			_ = os.WriteFile(filepath.Join(dir, leftoversFile), []byte(err.Error()), 0o600)
		}
	}()
	machine, err := startMachine(dir, listener, groups)
	if err != nil {
		return err
	}
	is := state{Keeper: os.Getpid(), Started: startTime(os.Getpid()), Init: machine.Process.Pid}
	if err := writeJSON(filepath.Join(dir, stateFile), is); err != nil {
		return err
	}
	go forward(listener, dir)
	go killOnRequest(machine.Process, signals, detached)
	_ = machine.Wait() // All processes in a PID namespace end with its first.
	return nil
}

// startMachine starts the first process in new namespaces. The keeper's cgroup at the time becomes the root of the cgroup
// namespace.
func startMachine(dir string, listener net.Listener, groups cgroups) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	machine := exec.Command(self, "init", dir, strconv.Itoa(port))
	machine.Stdout, machine.Stderr = os.Stdout, os.Stderr
	machine.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	if err = groups.enter(); err == nil {
		err = machine.Start()
	}
	return machine, errors.Join(err, groups.leave())
}

// killOnRequest kills the machine at a signal and, unless it is detached, when standard input is closed.
func killOnRequest(machine *os.Process, signals <-chan os.Signal, detached bool) {
	closed := make(chan struct{})
	if !detached {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(closed)
		}()
	}
	select {
	case <-signals:
	case <-closed:
	}
	_ = machine.Kill()
}

// forward connects each client of the listener with the API server, which listens on the same port in its namespace.
func forward(listener net.Listener, dir string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer client.Close()
			server, err := dial(dir, listener.Addr().String())
			if err != nil {
				return // The client sees the connection closed.
			}
			defer server.Close()
			splice(client, server)
		}()
	}
}

// splice copies in both directions until both are closed.
func splice(a, b net.Conn) {
	done := make(chan struct{})
	go func() {
		copyAndClose(a, b)
		close(done)
	}()
	copyAndClose(b, a)
	<-done
}

// copyAndClose copies everything that one connection receives to another, and then closes that one for writing.
func copyAndClose(to, from net.Conn) {
	_, _ = io.Copy(to, from) // A broken connection is the peers' concern.
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
