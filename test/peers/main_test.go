package peers

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

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/test/audit"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// The control plane on which an operator and cert-manager run.
var cluster *operatortest.ControlPlane

func TestMain(m *testing.M) {
	operatortest.Main("peers", m, run)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	cluster, err = operatortest.Start(ctx, "peers", devcluster.Options{First: []string{"../../config/crd"}, AuditPolicy: audit.Policy()},
		"../../config/rbac", "../../config/policy")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, cluster.End(code != 0 || err != nil)) }()
	if err := startCertManager(ctx); err != nil {
		return 1, err
	}
	config, err := cluster.OperatorConfig(ctx, operatortest.PlatformNamespace)
	if err != nil {
		return 1, err
	}
	operator, err := operatortest.StartOperator(ctx, config, operatortest.Options())
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, operator.Stop()) }()
	if err := operator.WaitElected(30 * time.Second); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// certManagerName is the name of cert-manager's namespace, release and ServiceAccount.
const certManagerName = "cert-manager"

// startCertManager installs cert-manager's CRDs, ServiceAccount and roles as its release has them, and runs its controller with
// that ServiceAccount. Its webhook and its CA injector do not run.
func startCertManager(ctx context.Context) error {
	list := exec.CommandContext(ctx, "go", "-C", "certmanager", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager")
	output, err := list.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	source := strings.TrimSpace(string(output))
	render := exec.CommandContext(ctx, filepath.Join(cluster.BinDir(), "helm"), "template", certManagerName, filepath.Join(source, "deploy", "charts", "cert-manager"),
		"--namespace="+certManagerName, "--show-only=templates/rbac.yaml", "--show-only=templates/serviceaccount.yaml", "--set=global.leaderElection.namespace="+certManagerName)
	if output, err = render.Output(); err != nil {
		return fmt.Errorf("%s: %w", render, err)
	}
	rights := filepath.Join(cluster.Dir(), "cert-manager.yaml")
	if err := os.WriteFile(rights, output, 0o600); err != nil {
		return err
	}
	if err := cluster.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: certManagerName}}); err != nil {
		return err
	}
	if _, err := cluster.Kubectl(ctx, "apply", "--server-side", "-f", filepath.Join(source, "deploy", "crds"), "-f", rights); err != nil {
		return err
	}
	if _, err := cluster.Kubectl(ctx, "wait", "--for=condition=Established", "crd/certificates.cert-manager.io", "crd/certificaterequests.cert-manager.io", "crd/issuers.cert-manager.io"); err != nil {
		return err
	}
	config, err := cluster.ServiceAccountConfig(ctx, certManagerName, certManagerName)
	if err != nil {
		return err
	}
	kubeconfig := filepath.Join(cluster.Dir(), "cert-manager.kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig, config); err != nil {
		return err
	}
	return cluster.Run("certmanager", "certmanager", "--kubeconfig="+kubeconfig)
}
