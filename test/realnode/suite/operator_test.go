//go:build linux

package suite

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestOperatorRunsRestricted shows that the operator's image runs as the kind overlay deploys it, and that Pod Security
// restricted is enforced where it runs.
func TestOperatorRunsRestricted(t *testing.T) {
	namespace := get(t, &corev1.Namespace{}, "", platformNamespace)
	const label = "pod-security.kubernetes.io/enforce"
	if got := namespace.Labels[label]; got != "restricted" {
		t.Errorf("the namespace %s has %s=%q, want restricted", platformNamespace, label, got)
	}
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name: "probe", Image: gatewayImage(probeTag), SecurityContext: &corev1.SecurityContext{Privileged: new(true)},
	}}}}
	pod.Namespace, pod.Name = platformNamespace, "privileged"
	if err := admin.Create(t.Context(), pod); err == nil {
		t.Error("a privileged pod was admitted in the operator's namespace")
	}
	pods := &corev1.PodList{}
	if err := admin.List(t.Context(), pods, client.InNamespace(platformNamespace)); err != nil {
		t.Fatal(err)
	}
	running := slices.ContainsFunc(pods.Items, func(pod corev1.Pod) bool {
		return len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].Ready &&
			pod.Spec.Containers[0].Image == "gatewaytenant-operator:dev" && pod.Status.ContainerStatuses[0].RestartCount == 0
	})
	if !running {
		t.Errorf("no pod of the operator is ready without a restart: %+v", pods.Items)
	}
}
