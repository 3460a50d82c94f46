//go:build linux

package suite

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/realnode"
)

// shortGracePeriod lets a node count as lost after 15 s. The default of 50 s only makes the tests longer. The kubelet renews
// its lease every 3 s.
var shortGracePeriod = []string{"--node-monitor-grace-period=15s"}

// TestNodeIsLost drains the only node and then stops its kubelet. It is not parallel, so that no other test has pods on the
// node meanwhile.
func TestNodeIsLost(t *testing.T) {
	const namespace = "fails-node"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest)})
	eventuallyReady(t, namespace)
	if !t.Run("drain", func(t *testing.T) { testDrain(t, namespace) }) {
		return
	}
	t.Run("lost", func(t *testing.T) { testLostNode(t, namespace) })
}

func testDrain(t *testing.T, namespace string) {
	pod := get(t, &corev1.Pod{}, namespace, manifests.PodName)
	kubectl(t, "drain", realnode.Name, "--ignore-daemonsets", "--pod-selector="+manifests.LabelName+"="+manifests.AppName)
	t.Cleanup(func() {
		if _, err := node.Kubectl(context.Background(), "uncordon", realnode.Name); err != nil {
			t.Error(err)
		}
	})
	failure{
		before: []string{v1alpha1.ReasonPodEvicted},
		reason: v1alpha1.ReasonUnschedulable,
		known:  func(s snapshot) time.Time { return s.condition(corev1.PodScheduled, corev1.ConditionFalse) },
		says:   []string{"the pod is not scheduled: ", "unschedulable", "kubectl describe pod openshell-gateway-0 -n NS"},
	}.check(t, namespace)
	kubectl(t, "uncordon", realnode.Name)
	eventuallySuccessor(t, pod)
	eventuallyReady(t, namespace)
}

func testLostNode(t *testing.T, namespace string) {
	if err := admin.DeleteAllOf(t.Context(), &corev1.Event{}, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	pod := get(t, &corev1.Pod{}, namespace, manifests.PodName)
	if err := node.StopProgram(t.Context(), devcluster.Kubelet); err != nil {
		t.Fatal(err)
	}
	stopped := true
	start := func() error {
		stopped = false
		return node.StartProgram(context.Background(), devcluster.Kubelet)
	}
	t.Cleanup(func() { // after a failure
		if stopped {
			_ = start()
		}
	})
	lost := failure{
		reason: v1alpha1.ReasonNodeLost,
		known:  func(s snapshot) time.Time { return s.condition(corev1.PodReady, corev1.ConditionFalse) },
		says: []string{
			"node " + realnode.Name + " is lost", "kubectl describe node " + realnode.Name, "kubectl delete pod openshell-gateway-0 -n NS",
		},
	}
	lost.check(t, namespace)
	// Without any other node, the node controller does not always delete the pod. It stays until the kubelet confirms its end.
	kubectl(t, "delete", "pod", manifests.PodName, "-n", namespace, "--wait=false")
	s := snapshot{}
	cluster.Eventually(t, 30*time.Second, func() error {
		if s = look(t, namespace); s.pod == nil || s.pod.DeletionTimestamp == nil || time.Since(s.pod.DeletionTimestamp.Time) < 3*time.Second {
			return fmt.Errorf("the time of the pod to end is not over: %s", podText(s.pod))
		}
		return nil
	})
	if is := s.tenantEvents(); s.ready.Reason != lost.reason || !slices.Equal(is.warnings, []string{lost.reason}) {
		t.Errorf("the pod is deleted, and Ready is %s: %s; the Events: %v", s.ready.Reason, s.ready.Message, is.all)
	}
	if is := (gateway{namespace}).answer(t, "").Release; is != newest { // The status may not claim that it has ended.
		t.Errorf("the gateway on the lost node is %s", is)
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	eventuallySuccessor(t, pod)
	eventuallyReady(t, namespace)
	cluster.Eventually(t, 30*time.Second, func() error { // The operator's own pod was not ready, either.
		_, err := node.Kubectl(t.Context(), "rollout", "status", "-n", platformNamespace, "deployment/"+operatorName, "--timeout=1s")
		if err != nil {
			return fmt.Errorf("the operator is not available: %w", err)
		}
		return nil
	})
}
