package rights

import (
	"context"
	"errors"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// gatewayIsUpgraded to a release from OpenShell 0.1 on, which has other rights and a preflight: first to an image that cannot be pulled,
// which is withdrawn, and then to one that starts.
func (s *stage) gatewayIsUpgraded(ctx context.Context) error {
	const repository = "ghcr.io/nvidia/openshell/gateway:"
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: s.newest()}}
	gt.Spec.Image = repository + "0.0.111"
	gt.Annotations = map[string]string{v1alpha1.AnnotationConfirmVersion: "0.1.3"}
	if err := admin.Create(ctx, gt); err != nil {
		return err
	}
	for _, step := range []struct{ image, reason string }{
		{"0.0.111", v1alpha1.ReasonReady}, {"0.1.3-never-pulls", v1alpha1.ReasonPreflightBlocked}, {"0.0.111", v1alpha1.ReasonReady},
	} {
		if err := errors.Join(s.spec(ctx, s.newest(), map[string]any{"image": repository + step.image}), s.reason(ctx, s.newest(), step.reason)); err != nil {
			return err
		}
	}
	if err := errors.Join(
		s.gone(ctx, &batchv1.Job{}, s.newest(), manifests.PreflightName), s.gone(ctx, &corev1.ServiceAccount{}, s.newest(), manifests.PreflightName),
		s.gone(ctx, &networkingv1.NetworkPolicy{}, s.newest(), manifests.PreflightName), s.gone(ctx, &rbacv1.RoleBinding{}, s.newest(), manifests.SandboxV2Name),
	); err != nil {
		return err
	}
	if err := errors.Join(s.spec(ctx, s.newest(), map[string]any{"image": repository + "0.1.3"}), s.ready(ctx, s.newest())); err != nil {
		return err
	}
	return s.ownersComeBackTo(ctx, s.newest(), []child{
		{"v1", "ServiceAccount", manifests.PreflightName}, {rbac, "RoleBinding", manifests.SandboxV2Name}, {"networking.k8s.io/v1", "NetworkPolicy", manifests.PreflightName},
	})
}
