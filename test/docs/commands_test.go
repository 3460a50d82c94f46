package docs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const (
	platformNamespace = operatortest.PlatformNamespace
	program           = operatortest.Program
	// last is the page that ends with the removal of everything.
	last = "docs/install.md"
	// patience is what a block may take.
	patience = 2 * time.Minute
)

// tenants are the namespaces of the samples that are applied.
var tenants = []string{"tenant-a", "tenant-b", "tenant-c"}

// TestCommands runs the commands of each page in its order, as the page has them, on a cluster with the operator and the
// tenants of two samples. Each page finds these as they are made.
func TestCommands(t *testing.T) {
	pages := readPages(t)
	t.Chdir(root)
	c, err := operatortest.Start(t.Context(), "docs", devcluster.Options{First: []string{"config/crd"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.End(t.Failed()); err != nil {
			t.Error(err)
		}
	}()
	cluster := c.Cluster
	slices.SortStableFunc(pages, func(a, b page) int {
		if a.path == last {
			return 1
		}
		if b.path == last {
			return -1
		}
		return 0
	})
	for _, p := range pages {
		if len(p.blocks) == 0 {
			continue
		}
		t.Run(p.path, func(t *testing.T) {
			if err := startAnew(t.Context(), cluster); err != nil {
				t.Fatalf("%v\n%s", err, tenantsNow(cluster))
			}
			runPage(t, cluster, p)
		})
	}
}

// runPage runs a page's commands up to the first that fail: those after them may need what they do.
func runPage(t *testing.T, cluster *devcluster.Cluster, p page) {
	t.Helper()
	dir, err := workDir(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range p.blocks {
		began := time.Now()
		output, err := runBlock(t.Context(), cluster, dir, block.text)
		if err != nil {
			t.Fatalf("%s:%d: %v\n%s\nsaid:\n%s\nThe tenants:\n%s", p.path, block.line, err, block.text, output, tenantsNow(cluster))
		}
		t.Logf("%s:%d: %.1f s", p.path, block.line, time.Since(began).Seconds())
	}
}

// workDir is a directory that has all that the project's root has, and takes what the commands write.
func workDir(t *testing.T) (string, error) {
	t.Helper()
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	entries, err := os.ReadDir(here)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		if err := os.Symlink(filepath.Join(here, entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// runBlock runs commands in dir, as an administrator of the cluster would.
func runBlock(ctx context.Context, cluster *devcluster.Cluster, dir, commands string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	bin, err := filepath.Abs("bin")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second // what it started may keep its output open
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "KUBECONFIG="+cluster.Kubeconfig(),
		"KUBECACHEDIR="+filepath.Join(cluster.Dir(), "kubectl-cache"), "TMPDIR="+dir)
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("not done within %s", patience)
	}
	return string(output), err
}

// startAnew makes the tenants of two samples anew, and waits until all are Ready.
func startAnew(ctx context.Context, cluster *devcluster.Cluster) error {
	kubectl := func(args ...string) error {
		_, err := cluster.Kubectl(ctx, args...)
		return err
	}
	clean := append([]string{"delete", "namespace", "--ignore-not-found", "--timeout=60s"}, tenants...)
	if err := errors.Join(
		kubectl("apply", "-k", "config/crd"),
		kubectl("delete", "configmap", "--ignore-not-found", "--namespace="+platformNamespace, "platform-config"),
		kubectl(clean...),
		kubectl("apply", "-k", "config/rbac"),
		kubectl("apply", "-k", "config/policy"),
		kubectl("wait", "--for=condition=Established", "crd/gatewaytenants.openshell.ambient-code.io"),
	); err != nil {
		return err
	}
	if err := startOperator(ctx, cluster); err != nil {
		return err
	}
	for _, name := range tenants {
		if err := kubectl("create", "namespace", name); err != nil {
			return err
		}
	}
	if err := kubectl("apply", "-f", "config/samples/platform-config.yaml", "-f", "config/samples/gatewaytenant.yaml"); err != nil {
		return err
	}
	for _, name := range tenants {
		if err := errors.Join(
			kubectl("wait", "--for=create", "--timeout=30s", "--namespace="+name, "gatewaytenant/openshell-gateway"),
			kubectl("wait", "--for=condition=Ready", "--timeout=60s", "--namespace="+name, "gatewaytenant/openshell-gateway"),
		); err != nil {
			return err
		}
	}
	return nil
}

// startOperator starts the operator as its own ServiceAccount, unless it runs already.
func startOperator(ctx context.Context, cluster *devcluster.Cluster) error {
	if cluster.Running(program) {
		return nil
	}
	return operatortest.RunManager(ctx, cluster, "--trust-delay=5s") // the files of pods lag behind by less
}

// tenantsNow is how the tenants fare, for a test that fails.
func tenantsNow(cluster *devcluster.Cluster) string {
	table, err := cluster.Kubectl(context.Background(), "get", "gatewaytenants", "--all-namespaces", "--output=wide")
	if err != nil {
		return err.Error()
	}
	return table + "The operator's log: " + cluster.Log(program)
}
