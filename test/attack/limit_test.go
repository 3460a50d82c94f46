package attack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// Where control groups of memory are, by the version of control groups.
const (
	groupsV1 = "/sys/fs/cgroup/memory"
	groupsV2 = "/sys/fs/cgroup"
)

// limitMemory returns a command that runs the program in its arguments with a limit to its memory, as a container runtime
// does: in a control group, where the kernel kills a program that needs more.
//
// Where no control group can be created, the command sets RLIMIT_DATA instead. That counts memory which the program has
// mapped, whether it has used it or not, and an allocation beyond it fails, so a Go program ends with "out of memory". The
// Go runtime maps its heap in units of 64 MiB, for which the limit is 64 MiB larger.
func limitMemory(t *testing.T, bytes int64) (wrapper []string) {
	t.Helper()
	procs, err := newGroup(t, bytes)
	if err != nil {
		t.Logf("the memory limit is enforced by RLIMIT_DATA: no control group: %v", err)
		return []string{"/bin/sh", "-c", `ulimit -d "$0" && exec "$@"`, strconv.FormatInt((bytes+64<<20)>>10, 10)}
	}
	t.Logf("the memory limit is enforced by the control group of %s", procs)
	return []string{"/bin/sh", "-c", `echo $$ >"$0" && exec "$@"`, procs}
}

// newGroup creates a control group with a memory limit and without swap. It returns the file that a process joins it by.
func newGroup(t *testing.T, bytes int64) (procs string, err error) {
	t.Helper()
	name, limit := fmt.Sprintf("attack-%d", os.Getpid()), strconv.FormatInt(bytes, 10)
	dir, files := filepath.Join(groupsV1, name), [][2]string{{"memory.limit_in_bytes", limit}, {"memory.memsw.limit_in_bytes", limit}}
	if text, err := os.ReadFile(filepath.Join(groupsV2, "cgroup.controllers")); err == nil && strings.Contains(string(text), "memory") {
		dir, files = filepath.Join(groupsV2, name), [][2]string{{"memory.max", limit}, {"memory.swap.max", "0"}}
		if err := os.WriteFile(filepath.Join(groupsV2, "cgroup.subtree_control"), []byte("+memory"), 0o600); err != nil {
			return "", err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	t.Cleanup(func() {
		// A process leaves its control group shortly after it has ended.
		if err := operatortest.Poll(context.Background(), 100*time.Millisecond, 2*time.Second, func() error { return os.Remove(dir) }); err != nil {
			t.Error(err)
		}
	})
	for i, file := range files {
		path := filepath.Join(dir, file[0])
		if _, err := os.Stat(path); i > 0 && os.IsNotExist(err) {
			continue // the kernel has no accounting of swap
		}
		if err := os.WriteFile(path, []byte(file[1]), 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "cgroup.procs"), nil
}
