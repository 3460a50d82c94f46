package main

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// The last release before a breaking step, and one after it. No gateway.toml starts both.
const (
	imageBeforeStep  = "ghcr.io/nvidia/openshell/gateway:0.0.111"
	imageAfterStep   = "ghcr.io/nvidia/openshell/gateway:0.1.3"
	versionAfterStep = "0.1.3"
)

// Workloads in which a gateway.toml is replaced that the running pod still needs.
func init() {
	workloads = append(workloads,
		&workload{name: "upgrade across a breaking step", prepare: tenantWithImage(imageBeforeStep), done: upgraded, restarts: true,
			change: changeTenant(func(gt *v1alpha1.GatewayTenant) {
				gt.Spec.Image = imageAfterStep
				metav1.SetMetaDataAnnotation(&gt.ObjectMeta, v1alpha1.AnnotationConfirmVersion, versionAfterStep)
			})},
		&workload{name: "next config", prepare: tenantWithImage(imageAfterStep), done: upgraded, restarts: true,
			change: changeTenant(func(gt *v1alpha1.GatewayTenant) {
				gt.Spec.Config = "openshell.gateway.log_level = 'debug'"
			})},
	)
}

// tenantWithImage returns a function that creates a tenant with an image, and waits until it is Ready.
func tenantWithImage(image string) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: t.namespace}}
		tenant.Spec.Image = image
		if err := t.admin.Create(ctx, tenant); err != nil {
			return err
		}
		return poll(ctx, func() error { return ready(t) })
	}
}

// upgraded returns an error unless the gateway after the step is Ready, and nothing exists any more that only its predecessor or the
// preflight needed.
func upgraded(t *trial) error {
	tenant, err := t.tenant()
	if err != nil {
		return err
	}
	if tenant.Status.Version != versionAfterStep {
		return fmt.Errorf("the version is %q", tenant.Status.Version)
	}
	for _, of := range []id{{"RoleBinding", manifests.SandboxName}, {"Job", manifests.PreflightName}} {
		if !t.recorder.last(t.namespace, of).gone {
			return fmt.Errorf("%s still exists", of)
		}
	}
	return ready(t)
}
