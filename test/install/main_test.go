package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

const (
	root      = "../.."
	namespace = "gatewaytenant-system"
	name      = "gatewaytenant-operator"
)

// cluster is used by one test after the other; each leaves nothing in it.
var cluster *devcluster.Cluster

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "install:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "install-")
	if err != nil {
		return 1, err
	}
	if cluster, err = devcluster.Start(context.Background(), devcluster.Options{Dir: dir, Progress: os.Stderr}); err != nil {
		return 1, err
	}
	defer func() {
		if err = errors.Join(err, cluster.Stop()); code == 0 && err == nil {
			err = os.RemoveAll(dir)
		} else {
			fmt.Fprintln(os.Stderr, "install: the logs are in", filepath.Join(dir, "logs"))
		}
	}()
	return m.Run(), nil
}

// kubectl runs kubectl as the administrator, and fails the test if it fails.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := cluster.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// helm runs helm as the administrator, with nothing of the user's, and fails the test if it fails.
func helm(t *testing.T, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(root, "bin", "helm"), args...)
	home := filepath.Join(cluster.Dir(), "helm")
	command.Env = append(os.Environ(), "KUBECONFIG="+cluster.Kubeconfig(),
		"HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("helm %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// eventually tries until check is content, or fails the test with what it last said.
func eventually(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("not within %s: %v", limit, err)
}
