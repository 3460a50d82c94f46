//go:build linux

package realnode

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Init is the first process of the node's namespaces. It mounts the file systems, starts the process that does the rest, and
// returns when that has ended.
func Init(dir, port string) error {
	if os.Getpid() != 1 {
		return errors.New("realnode init runs only as the first process of new namespaces; use realnode up")
	}
	if err := mountAll(dir); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(Name)); err != nil {
		return err
	}
	s, err := readSettings(dir)
	if err != nil {
		return err
	}
	run := exec.Command("/proc/self/exe", "run", dir, port)
	run.Env = environment(s.BinDir)
	run.Stdout, run.Stderr = os.Stdout, os.Stderr
	if err := run.Start(); err != nil {
		return err
	}
	return reap(run.Process.Pid)
}

// reap waits for all children, among them the orphans of the namespace, until the child with this process ID ends.
func reap(child int) error {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return err
		case pid == child:
			return fmt.Errorf("the node has ended: exit status %d, signal %d", status.ExitStatus(), status.Signal())
		}
	}
}

// mount is one mount. The target is created if it does not exist.
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

func (m mount) do() error {
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mounting %s at %s: %w", m.kind, m.target, err)
	}
	return nil
}

// mountAll gives the node its own /proc, /sys, /run and /var. The mounts of the machine do not change. Images are in memory with
// /var, which is fast and also works on a machine whose root is an overlay, on which no other overlay can be mounted.
func mountAll(dir string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making all mounts private: %w", err)
	}
	mounts := []mount{
		{"proc", "/proc", "proc", 0, ""},
		{"sysfs", "/sys", "sysfs", 0, ""},
		{"tmpfs", "/run", "tmpfs", 0, "mode=755"},
		{"tmpfs", "/var", "tmpfs", 0, "mode=755"},
		{filepath.Join(dir, "kubelet"), "/var/lib/kubelet", "", syscall.MS_BIND, ""},
		{filepath.Join(dir, "logs", "pods"), "/var/log/pods", "", syscall.MS_BIND, ""},
	}
	for _, name := range []string{"kubelet", "logs/pods"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o711); err != nil {
			return err
		}
	}
	for _, m := range mounts {
		if err := m.do(); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/var/log/containers", "/var/tmp"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink("/run", "/var/run"); err != nil {
		return err
	}
	if err := mountCgroups(); err != nil {
		return err
	}
	// Mounts of the kubelet in this namespace must reach containers.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""); err != nil {
		return err
	}
	return maskSettings()
}

// mountCgroups mounts the cgroup hierarchies of which the namespace shows the part of the node.
func mountCgroups() error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	if len(all) == 1 && all[0].controllers == "" {
		if err := (mount{"cgroup2", cgroupRoot, "cgroup2", 0, ""}).do(); err != nil {
			return err
		}
		return delegateControllers()
	}
	if err := (mount{"tmpfs", cgroupRoot, "tmpfs", 0, "mode=755"}).do(); err != nil {
		return err
	}
	for _, h := range all {
		target := filepath.Join(cgroupRoot, h.name(false))
		m := mount{"cgroup", target, "cgroup", 0, h.controllers}
		switch {
		case h.controllers == "":
			m = mount{"cgroup2", target, "cgroup2", 0, ""}
		case strings.HasPrefix(h.controllers, "name="):
			m.data = "none," + h.controllers
		}
		if err := m.do(); err != nil {
			return err
		}
		for name := range strings.SplitSeq(h.controllers, ",") { // cpu,cpuacct is also found as cpu and as cpuacct
			if strings.Contains(h.controllers, ",") {
				if err := os.Symlink(filepath.Base(target), filepath.Join(cgroupRoot, name)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// delegateControllers makes all controllers of version 2 usable by child cgroups, which a cgroup with processes forbids.
func delegateControllers() error {
	leaf := filepath.Join(cgroupRoot, "init")
	if err := os.Mkdir(leaf, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte("0"), 0o644); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(cgroupRoot, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for controller := range strings.FieldsSeq(string(text)) {
		if err := os.WriteFile(filepath.Join(cgroupRoot, "cgroup.subtree_control"), []byte("+"+controller), 0o644); err != nil {
			return fmt.Errorf("enabling the cgroup controller %s for pods: %w", controller, err)
		}
	}
	return nil
}

// kernelSettings are the values that a kubelet expects or would set.
var kernelSettings = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// maskSettings keeps the node from changing settings of the kernel that every namespace shares: all of /proc/sys is read-only
// but net, which belongs to the network namespace. The settings that a kubelet checks are replaced by files with the values that it expects.
func maskSettings() error {
	const sys, net, bind = "/proc/sys", "/proc/sys/net", syscall.MS_BIND
	mounts := []mount{
		{sys, sys, "", bind, ""},
		{net, net, "", bind, ""},
		{"", sys, "", bind | syscall.MS_REMOUNT | syscall.MS_RDONLY, ""},
	}
	for _, m := range mounts {
		if err := syscall.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("making %s read-only: %w", sys, err)
		}
	}
	const masks = "/run/sys"
	if err := os.Mkdir(masks, 0o755); err != nil {
		return err
	}
	for name, value := range kernelSettings {
		mask := filepath.Join(masks, strings.ReplaceAll(name, "/", "."))
		if err := os.WriteFile(mask, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(mask, filepath.Join(sys, name), "", bind, ""); err != nil {
			return fmt.Errorf("masking %s: %w", name, err)
		}
	}
	return nil
}
