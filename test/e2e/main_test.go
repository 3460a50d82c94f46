package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/audit"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

const platformNamespace = "gatewaytenant-system"

// The cluster, its administrator and the operator that all tests share. Each test has namespaces of its own.
var (
	cluster  *devcluster.Cluster
	admin    client.Client
	operator *operatorProcess
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		return 1, err
	}
	ctx := context.Background()
	if cluster, err = devcluster.Start(ctx, devcluster.Options{Dir: dir, First: []string{"../../config/crd"}, Progress: os.Stderr, AuditPolicy: audit.Policy()}); err != nil {
		return 1, err
	}
	defer func() {
		if err = errors.Join(err, cluster.Stop()); code == 0 && err == nil {
			err = os.RemoveAll(dir)
		} else {
			fmt.Fprintln(os.Stderr, "e2e: the logs are in", filepath.Join(dir, "logs"))
		}
	}()
	if err := prepare(ctx, dir); err != nil {
		return 1, err
	}
	code = m.Run()
	operator.stop()
	if faults != nil {
		fmt.Fprintln(os.Stderr, "e2e:", faults)
	}
	denied, total, err := deniedRequests(audit.NewLog(cluster.AuditLog()))
	fmt.Fprintf(os.Stderr, "e2e: of %d requests of the operator and certgen, %d were denied\n", total, len(denied))
	for _, request := range denied {
		code = 1
		fmt.Fprintln(os.Stderr, "e2e: denied to", request)
	}
	return code, err
}

// prepare installs what a deployment installs, apart from the Deployment, and starts the operator.
func prepare(ctx context.Context, dir string) error {
	logs, err := os.Create(filepath.Join(dir, "logs", "operator.log"))
	if err != nil {
		return err
	}
	logger := logr.FromSlogHandler(slog.NewJSONHandler(logs, nil))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	for _, args := range [][]string{
		{"apply", "-k", "../../config/rbac"},
		{"apply", "-k", "../../config/policy"},
		{"wait", "--for=condition=Established", "crd/gatewaytenants.openshell.ambient-code.io"},
	} {
		if _, err := cluster.Kubectl(ctx, args...); err != nil {
			return err
		}
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	if admin, err = client.New(cluster.Config(), client.Options{Scheme: scheme}); err != nil {
		return err
	}
	operator = &operatorProcess{}
	return operator.start(ctx)
}
