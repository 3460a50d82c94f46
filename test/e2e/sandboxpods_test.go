package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// waitWarned waits until the condition Warning has a reason and a text or, without a reason, no reason but the open default.
func waitWarned(t *testing.T, namespace, reason, text string) {
	t.Helper()
	cluster.Eventually(t, readyLimit, func() error {
		is := warningOf(get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name))
		if (reason == "") != (is == "") || !strings.HasPrefix(is, reason) || !strings.Contains(is, text) {
			return fmt.Errorf("Warning is %q, want %s with %q", is, reason, text)
		}
		return nil
	})
}

// statusWritesTo matches the requests that change the status of the tenant in a namespace.
func statusWritesTo(namespace string) func(request string) bool {
	return func(request string) bool {
		return operatortest.Writes(request) && strings.Contains(request, "/namespaces/"+namespace+"/gatewaytenants/") && strings.Contains(request, "/status")
	}
}

// TestQuotaThatRejectsSandboxesIsAWarning as long as the API server rejects pods with containers like those of a sandbox.
func TestQuotaThatRejectsSandboxesIsAWarning(t *testing.T) {
	t.Parallel()
	const namespace = "sandbox-quota"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.1.3", Suspend: true})
	waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	waitWarned(t, namespace, "", "")
	rejected := func() bool {
		t.Helper()
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "like-a-sandbox"}, Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "a", Image: "a"}}, Containers: []corev1.Container{{Name: "b", Image: "b"}},
		}}
		err := admin.Create(t.Context(), pod, client.DryRunAll)
		if err != nil && !apierrors.IsForbidden(err) {
			t.Fatal(err)
		}
		return err != nil
	}
	expect := func(want bool) { // it takes effect a moment later
		t.Helper()
		cluster.Eventually(t, readyLimit, func() error {
			if rejected() != want {
				return errStill
			}
			return nil
		})
	}
	expect(false)
	ten := resource.MustParse("10")
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "compute"}}
	quota.Spec.Hard = corev1.ResourceList{corev1.ResourceRequestsCPU: ten, corev1.ResourceLimitsMemory: resource.MustParse("100Gi"), corev1.ResourcePods: ten}
	cluster.Create(t, quota)
	expect(true)
	waitWarned(t, namespace, v1alpha1.ReasonQuotaRejectsSandboxes, "ResourceQuota compute in namespace sandbox-quota")

	ranges := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "defaults"}}
	ranges.Spec.Limits = []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer, DefaultRequest: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")}}}
	cluster.Create(t, ranges)
	waitWarned(t, namespace, v1alpha1.ReasonQuotaRejectsSandboxes, "has defaults for limits.memory;")
	expect(true)

	changed := ranges.DeepCopy()
	changed.Spec.Limits[0].Max = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")} // it is also the default
	if err := admin.Patch(t.Context(), changed, client.MergeFrom(ranges)); err != nil {
		t.Fatal(err)
	}
	expect(false)
	waitWarned(t, namespace, "", "")
}

// TestNodesThatRejectSandboxesAreAWarning to the tenants that this concerns, as long as a node reports no support.
func TestNodesThatRejectSandboxesAreAWarning(t *testing.T) {
	alone(t)
	const namespace, other, added = "sandbox-nodes", "sandbox-nodes-old", "old-runtime"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.1.3", Suspend: true})
	cluster.CreateTenant(t, other, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111", Suspend: true})
	waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	waitCondition(t, other, v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted)
	waitWarned(t, namespace, "", "")
	if err := cluster.AddNode(t.Context(), added); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = admin.Delete(context.Background(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: added}})
	})
	setStatus := func(change func(*corev1.NodeStatus)) {
		t.Helper()
		before := get(t, &corev1.Node{}, "", added)
		after := before.DeepCopy()
		change(&after.Status)
		if err := admin.Status().Patch(t.Context(), after, client.StrategicMergeFrom(before)); err != nil {
			t.Fatal(err)
		}
	}
	setStatus(func(s *corev1.NodeStatus) {
		s.NodeInfo.KubeletVersion, s.NodeInfo.ContainerRuntimeVersion = "v1.33.1", "containerd://1.7.27"
	})
	waitWarned(t, namespace, v1alpha1.ReasonNodesRejectSandboxes, "some nodes reject the pods of sandboxes of gateway 0.1.3")
	waitWarned(t, other, "", "")

	operator.stop(t) // no warning disappears while the operator starts
	operator.Take(operatortest.Writes)
	if err := operator.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	operator.waitIdle(t, statusWritesTo(namespace))
	if written := operator.Take(statusWritesTo(namespace)); len(written) > 0 && *faultyShare == 0 {
		t.Errorf("after its start, the operator sent %v", written)
	}
	waitWarned(t, namespace, v1alpha1.ReasonNodesRejectSandboxes, "containerd://1.7.27")

	supported := true
	setStatus(func(s *corev1.NodeStatus) { s.Features = &corev1.NodeFeatures{SupplementalGroupsPolicy: &supported} })
	waitWarned(t, namespace, "", "")
}
