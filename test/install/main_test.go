package install

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const (
	root      = "../.."
	namespace = operatortest.PlatformNamespace
	name      = operatortest.OperatorName
)

// cluster is used by one test after the other; each leaves nothing in it.
var cluster *operatortest.ControlPlane

func TestMain(m *testing.M) {
	operatortest.Main("install", m, run)
}

func run(m *testing.M) (code int, err error) {
	if cluster, err = operatortest.Start(context.Background(), "install", devcluster.Options{}); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, cluster.End(code != 0)) }()
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
