package devcluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Kubectl runs kubectl with the administrator's kubeconfig and returns what it prints. Its error includes what kubectl
// says.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	return Kubectl(ctx, c.state.BinDir, c.state.kubeconfig(adminUser), args...)
}

// Kubectl runs the kubectl of binDir with a kubeconfig in a cluster's directory and returns its output. Its error includes
// what kubectl printed to standard error.
func Kubectl(ctx context.Context, binDir, kubeconfig string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(binDir, "devcluster"))
	cmd.Args = append([]string{"kubectl", "--kubeconfig=" + kubeconfig}, args...)
	// Not the user's cache: ports come again, and then it would describe another cluster.
	cmd.Env = append(os.Environ(), "KUBECACHEDIR="+filepath.Join(filepath.Dir(kubeconfig), "kubectl-cache"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
