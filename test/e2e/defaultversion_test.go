package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// waitVersionOf waits until a tenant is Ready with an image and its version.
func waitVersionOf(t *testing.T, namespace, tag, version string) {
	t.Helper()
	cluster.Eventually(t, readyLimit, func() error {
		if is := waitReady(t, namespace).Status; is.Version != version || is.Image != gatewayRepository+tag {
			return fmt.Errorf("the status has %s and %s, want %s and %s", is.Image, is.Version, tag, version)
		}
		return nil
	})
}

// waitVersion waits until a tenant is Ready with a release, and checks the status, the StatefulSet and what the claim records.
func waitVersion(t *testing.T, namespace, version, highest string) {
	t.Helper()
	waitVersionOf(t, namespace, version, version)
	if is := get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName).Spec.Template.Spec.Containers[0].Image; is != gatewayRepository+version {
		t.Errorf("the StatefulSet has %s, want %s", is, version)
	}
	if is := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName).Annotations["openshell.ambient-code.io/highest-version"]; is != highest {
		t.Errorf("the claim records %s, want %s", is, highest)
	}
}

// TestTenantWithoutImageNeverCrossesAStep, also when the operator is rolled back to a version with another default, or when the tenant is
// created again over its volume. A new volume gets the default.
func TestTenantWithoutImageNeverCrossesAStep(t *testing.T) {
	const namespace = "default-version"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.71"})
	waitVersion(t, namespace, "0.0.71", "0.0.71")
	if out, _ := planOfTenant(t, namespace, "{}"); !strings.Contains(out, "the image changes from "+gatewayRepository+"0.0.71 to "+gatewayRepository+"0.0.87") {
		t.Errorf("the plan does not say that 0.0.87 will run:\n%s", out)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = "" })
	waitVersion(t, namespace, "0.0.87", "0.0.87")
	restart(t, func(o *options.Options) { o.GatewayImage = gatewayRepository + "0.0.71" })
	waitVersion(t, namespace, "0.0.71", "0.0.87")
	restart(t)
	waitVersion(t, namespace, "0.0.87", "0.0.87")

	deleteTenant := func() {
		t.Helper()
		if err := admin.Delete(t.Context(), get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)); err != nil {
			t.Fatal(err)
		}
		waitGone(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName)
		waitGone(t, &corev1.Pod{}, namespace, manifests.PodName)
	}
	deleteTenant()
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	waitVersion(t, namespace, "0.0.87", "0.0.87")

	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = gatewayRepository + "0.0.111" })
	waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonVersionHeld)
	annotate(t, namespace, v1alpha1.AnnotationConfirmVersion, "0.0.111")
	waitVersion(t, namespace, "0.0.111", "0.0.111")
	pod := podUID(t, namespace)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Image = "" })
	waitVersion(t, namespace, "0.0.111", "0.0.111")
	operator.quietFor(t, time.Second, statefulSetWrites(namespace))
	if podUID(t, namespace) != pod {
		t.Error("the gateway was restarted, although the default is what runs")
	}

	deleteTenant()
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifests.ClaimName}}
	restored := `{"metadata":{"annotations":{"openshell.ambient-code.io/highest-version":"0.0.75"}}}`
	if err := admin.Patch(t.Context(), claim, client.RawPatch(types.MergePatchType, []byte(restored))); err != nil {
		t.Fatal(err)
	}
	tenant := operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{Suspend: true})
	cluster.Create(t, tenant)
	waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	if is := get(t, tenant, namespace, v1alpha1.Name).Status.Version; is != "0.0.87" {
		t.Errorf("over a restored volume of 0.0.75, %s would run", is)
	}
	if err := admin.Delete(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	waitGone(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Suspend = false })
	waitVersion(t, namespace, "0.0.111", "0.0.111")
}
