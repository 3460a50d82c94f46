package operatortest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// Where config/default installs the operator.
const (
	PlatformNamespace = "gatewaytenant-system"
	// OperatorName is the name of the operator's Deployment, ServiceAccount and roles.
	OperatorName = "gatewaytenant-operator"
)

// ControlPlane is the control plane of one suite, without an operator.
type ControlPlane struct {
	*devcluster.Cluster
	*Access
	suite string
}

// Start starts a control plane for a suite and applies the kustomizations to it. If options.Dir is empty, its files are in a
// temporary directory, which End removes. What operators in this process log is in logs/operator.log in that directory.
func Start(ctx context.Context, suite string, options devcluster.Options, kustomizations ...string) (_ *ControlPlane, err error) {
	if options.Dir == "" {
		if options.Dir, err = os.MkdirTemp("", suite+"-"); err != nil {
			return nil, err
		}
	}
	if options.Progress == nil {
		options.Progress = os.Stderr
	}
	cluster, err := devcluster.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	c := &ControlPlane{Cluster: cluster, suite: suite}
	if err := c.prepare(ctx, options.First, kustomizations); err != nil {
		return nil, errors.Join(err, cluster.Stop())
	}
	return c, nil
}

func (c *ControlPlane) prepare(ctx context.Context, first, kustomizations []string) error {
	logs, err := os.Create(filepath.Join(c.Dir(), "logs", "operator.log"))
	if err != nil {
		return err
	}
	logger := logr.FromSlogHandler(slog.NewJSONHandler(logs, nil))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	for _, kustomization := range kustomizations {
		if _, err := c.Kubectl(ctx, "apply", "-k", kustomization); err != nil {
			return err
		}
	}
	if len(first) > 0 {
		if _, err := c.Kubectl(ctx, "wait", "--for=condition=Established", "crd/gatewaytenants."+v1alpha1.GroupVersion.Group); err != nil {
			return err
		}
	}
	c.Access, err = NewAccess(c.Config())
	return err
}

// End ends the control plane. Unless the suite failed, it also removes the files.
func (c *ControlPlane) End(failed bool) error {
	err := c.Stop()
	if failed || err != nil {
		fmt.Fprintf(os.Stderr, "%s: the logs are in %s\n", c.suite, filepath.Join(c.Dir(), "logs"))
		return err
	}
	return os.RemoveAll(c.Dir())
}

// OperatorConfig returns a configuration with the rights of the operator that is installed in a namespace. Clients that use
// it do not limit their own requests.
func (c *ControlPlane) OperatorConfig(ctx context.Context, namespace string) (*rest.Config, error) {
	config, err := c.ServiceAccountConfig(ctx, namespace, OperatorName)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	return config, nil
}

// NewAccess returns an administrator's access to a cluster.
func NewAccess(config *rest.Config) (*Access, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	admin, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	return &Access{Client: admin}, err
}

// RunManager runs bin/manager as the operator's ServiceAccount beside a cluster, without ports. If it runs already, it is
// ended first.
func RunManager(ctx context.Context, cluster *devcluster.Cluster, args ...string) error {
	config, err := cluster.ServiceAccountConfig(ctx, PlatformNamespace, OperatorName)
	if err != nil {
		return err
	}
	kubeconfig := filepath.Join(cluster.Dir(), "operator.kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig, config); err != nil {
		return err
	}
	return cluster.Run(Program, Program, append([]string{
		"--kubeconfig=" + kubeconfig, "--platform-namespace=" + PlatformNamespace, "--certgen-image=" + CertgenImage,
		"--leader-elect", "--metrics-bind-address=0", "--health-probe-bind-address=0",
	}, args...)...)
}
