package rights

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// The one control plane, and its administrator.
var (
	cluster *devcluster.Cluster
	admin   client.Client
)

func TestMain(m *testing.M) {
	// A client that streams what it watches lists nothing. The rights must do for older API servers, too.
	if err := os.Setenv("KUBE_FEATURE_WatchListClient", "false"); err != nil {
		panic(err)
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rights:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "rights-")
	if err != nil {
		return 1, err
	}
	ctx := context.Background()
	if cluster, err = devcluster.Start(ctx, devcluster.Options{Dir: dir, First: []string{"../../config/crd"}, Progress: os.Stderr}); err != nil {
		return 1, err
	}
	defer func() {
		if err = errors.Join(err, cluster.Stop()); code == 0 && err == nil {
			err = os.RemoveAll(dir)
		} else {
			fmt.Fprintln(os.Stderr, "rights: the logs are in", filepath.Join(dir, "logs"))
		}
	}()
	logs, err := os.Create(filepath.Join(dir, "logs", "operators.log"))
	if err != nil {
		return 1, err
	}
	logger := logr.FromSlogHandler(slog.NewJSONHandler(logs, nil))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	if _, err := cluster.Kubectl(ctx, "apply", "-k", "../../config/policy"); err != nil {
		return 1, err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return 1, err
	}
	if admin, err = client.New(cluster.Config(), client.Options{Scheme: scheme}); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
