package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	rbacv1 "k8s.io/api/rbac/v1"
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

const (
	platformNamespace = "gatewaytenant-system"
	operatorName      = "gatewaytenant-operator"
)

// env is what all plans share.
type env struct {
	cluster  *devcluster.Cluster
	admin    client.WithWatch
	operator *rest.Config // of the operator's ServiceAccount
	recorder *recorder
	rights   rbacv1.Role // of the operator in the platform's namespace
	silence  time.Duration
	patience time.Duration // how long a workload may take
	number   atomic.Int64  // of the last namespace
}

// newEnv starts a control plane, with what a deployment of the operator installs apart from the operator.
func newEnv(ctx context.Context, dir string, silence, patience time.Duration, progress io.Writer) (*env, error) {
	cluster, err := devcluster.Start(ctx, devcluster.Options{Dir: dir, First: []string{"config/crd"}, Progress: progress})
	if err != nil {
		return nil, err
	}
	e := &env{cluster: cluster, silence: silence, patience: patience}
	if err := e.prepare(ctx); err != nil {
		return nil, errors.Join(err, cluster.Stop())
	}
	return e, nil
}

func (e *env) prepare(ctx context.Context) (err error) {
	logs, err := os.Create(filepath.Join(e.cluster.Dir(), "logs", "operators.log"))
	if err != nil {
		return err
	}
	logger := logr.FromSlogHandler(slog.NewJSONHandler(logs, nil))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	for _, args := range [][]string{
		{"apply", "-k", "config/rbac"},
		{"apply", "-k", "config/policy"},
		{"wait", "--for=condition=Established", "crd/gatewaytenants.openshell.ambient-code.io"},
	} {
		if _, err := e.cluster.Kubectl(ctx, args...); err != nil {
			return err
		}
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	if e.admin, err = client.NewWithWatch(e.cluster.Config(), client.Options{Scheme: scheme}); err != nil {
		return err
	}
	if err := e.admin.Get(ctx, client.ObjectKey{Namespace: platformNamespace, Name: operatorName}, &e.rights); err != nil {
		return fmt.Errorf("the operator's Role: %w", err)
	}
	if e.operator, err = e.cluster.ServiceAccountConfig(ctx, platformNamespace, operatorName); err != nil {
		return err
	}
	e.operator.QPS = -1
	e.recorder, err = record(ctx, e.admin)
	return err
}
