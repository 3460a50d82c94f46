package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const (
	platformNamespace = operatortest.PlatformNamespace
	operatorName      = operatortest.OperatorName
)

// env is what all plans share.
type env struct {
	cluster  *operatortest.ControlPlane
	admin    client.WithWatch
	operator *rest.Config // of the operator's ServiceAccount
	recorder *recorder
	rights   rbacv1.Role // of the operator in the platform's namespace
	silence  time.Duration
	patience time.Duration // how long a workload may take
	number   atomic.Int64  // of the last namespace
}

// newEnv starts a control plane, with what a deployment of the operator installs apart from the operator.
func newEnv(ctx context.Context, silence, patience time.Duration, progress io.Writer) (*env, error) {
	cluster, err := operatortest.Start(ctx, "faults", devcluster.Options{First: []string{"config/crd"}, Progress: progress}, "config/rbac", "config/policy")
	if err != nil {
		return nil, err
	}
	e := &env{cluster: cluster, admin: cluster.Client, silence: silence, patience: patience}
	if err := e.prepare(ctx); err != nil {
		return nil, errors.Join(err, cluster.End(true))
	}
	return e, nil
}

func (e *env) prepare(ctx context.Context) (err error) {
	if err := e.admin.Get(ctx, client.ObjectKey{Namespace: platformNamespace, Name: operatorName}, &e.rights); err != nil {
		return fmt.Errorf("the operator's Role: %w", err)
	}
	if e.operator, err = e.cluster.OperatorConfig(ctx, platformNamespace); err != nil {
		return err
	}
	e.recorder, err = record(ctx, e.admin)
	return err
}
