package rights

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// sandboxesAreRejected: a quota rejects the sandboxes of a release from 0.1.0 on, whose nodes, quotas and defaults are watched.
func (s *stage) sandboxesAreRejected(ctx context.Context) error {
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "compute", Namespace: s.sandboxes()},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceLimitsCPU: resource.MustParse("10")}},
	}
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: s.sandboxes()}}
	gt.Spec.Image, gt.Spec.Suspend = "ghcr.io/nvidia/openshell/gateway:0.1.3", true
	if err := errors.Join(admin.Create(ctx, namespace(s.sandboxes())), admin.Create(ctx, quota), admin.Create(ctx, gt)); err != nil {
		return err
	}
	if err := until(ctx, "the quota is reported", func() error {
		if err := admin.Get(ctx, client.ObjectKeyFromObject(gt), gt); err != nil {
			return err
		}
		is := meta.FindStatusCondition(gt.Status.Conditions, v1alpha1.ConditionWarning)
		if is == nil || !strings.Contains(is.Message, "ResourceQuota compute") {
			return fmt.Errorf("Warning is %+v", is)
		}
		return nil
	}); err != nil {
		return err
	}
	return admin.Delete(ctx, gt)
}
