//go:build linux

package realnode

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// hierarchy is one of the cgroup hierarchies that a process is in.
type hierarchy struct {
	controllers string // as in /proc/self/cgroup: such as cpu,cpuacct or name=systemd. Empty means version 2.
	path        string // the cgroup of this process in it
}

// hierarchies returns the hierarchies that this process is in. A machine with version 2 alone has one. A machine with version
// 1 has one for each controller or pair of them, and often version 2 in addition, without controllers.
func hierarchies() ([]hierarchy, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	var all []hierarchy
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("/proc/self/cgroup has the line %q", line)
		}
		all = append(all, hierarchy{controllers: fields[1], path: fields[2]})
	}
	return all, nil
}

// name returns the directory below /sys/fs/cgroup at which a hierarchy is usually mounted. It is empty for version 2 if that
// is the only hierarchy.
func (h hierarchy) name(only bool) string {
	switch {
	case h.controllers != "":
		return strings.TrimPrefix(h.controllers, "name=")
	case only:
		return ""
	default:
		return "unified"
	}
}

// cgroups are one new cgroup in each hierarchy.
type cgroups []cgroup

type cgroup struct {
	dir    string // the new one
	parent string // where this process was before
}

// newCgroups creates cgroups of this name. With version 1 they are children of those that this process is in. With version 2
// they are at the top, since a cgroup that has processes cannot give controllers to its children.
func newCgroups(name string) (cgroups, error) {
	all, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var groups cgroups
	for _, h := range all {
		root := filepath.Join(cgroupRoot, h.name(len(all) == 1))
		if _, err := os.Stat(root); err != nil {
			continue // not mounted here, so no program can use it
		}
		group := cgroup{parent: filepath.Join(root, h.path)}
		if _, err := os.Stat(group.parent); err != nil {
			group.parent = root // a container whose mount shows its own part only
		}
		group.dir = filepath.Join(group.parent, name)
		if len(all) == 1 {
			group.dir = filepath.Join(root, name)
		}
		if err := os.MkdirAll(group.dir, 0o755); err != nil {
			return nil, errors.Join(err, groups.remove())
		}
		groups = append(groups, group)
		if h.controllers != "" {
			if err := group.inheritCPUs(); err != nil {
				return nil, errors.Join(err, groups.remove())
			}
		}
	}
	return groups, nil
}

// inheritCPUs gives a cgroup of version 1 the processors and memory nodes of its parent, without which no process can enter it.
func (g cgroup) inheritCPUs() error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		text, err := os.ReadFile(filepath.Join(g.parent, file))
		if errors.Is(err, fs.ErrNotExist) || len(bytes.TrimSpace(text)) == 0 {
			continue // another controller
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(g.dir, file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// enter moves this process into the cgroups.
func (c cgroups) enter() error { return c.move(func(g cgroup) string { return g.dir }) }

// leave moves this process back to where it was.
func (c cgroups) leave() error { return c.move(func(g cgroup) string { return g.parent }) }

func (c cgroups) move(to func(cgroup) string) error {
	for _, group := range c {
		if err := os.WriteFile(filepath.Join(to(group), "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("moving into a cgroup: %w", err)
		}
	}
	return nil
}

// remove removes the cgroups with all below them, once their processes have ended.
func (c cgroups) remove() error {
	var err error
	for range 100 {
		err = nil
		for _, group := range c {
			err = errors.Join(err, removeTree(group.dir))
		}
		if err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

// removeTree removes a cgroup and those below it. Their files cannot be removed and need not be.
func removeTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	for _, dir := range slices.Backward(dirs) {
		if removing := os.Remove(dir); removing != nil && !errors.Is(removing, fs.ErrNotExist) {
			err = errors.Join(err, removing)
		}
	}
	return err
}
