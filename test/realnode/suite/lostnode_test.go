//go:build linux

package suite

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
	"github.com/ambient-code/gatewaytenant-operator/test/realnode"
)

// A node counts as lost after 15 s instead of 50 s, and its pods are deleted after 5 s more instead of 5 minutes. The defaults
// only make the tests longer. The kubelet renews its lease every 3 s.
var (
	shortGracePeriod = []string{"--node-monitor-grace-period=15s"}
	shortTolerations = []string{"--default-unreachable-toleration-seconds=5"}
)

// TestNodeIsLost drains the only node and then stops its kubelet. It is not parallel, so that no other test has pods on the
// node meanwhile.
func TestNodeIsLost(t *testing.T) {
	const namespace = "fails-node"
	createTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest)})
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
	f := failure{
		reason: v1alpha1.ReasonNodeLost,
		known:  func(s snapshot) time.Time { return s.condition(corev1.PodReady, corev1.ConditionFalse) },
		repeated: func(s snapshot) bool { // The pod is deleted then, and stays until the node is back.
			return s.pod != nil && s.pod.DeletionTimestamp != nil && s.ready.Reason == v1alpha1.ReasonNodeLost
		},
		says: []string{"node " + realnode.Name + " is lost", "kubectl describe node " + realnode.Name, "kubectl delete pod openshell-gateway-0 -n NS"},
	}
	f.check(t, namespace)
	if is := (gateway{namespace}).answer(t, "").Release; is != newest { // The status may not claim that it has ended.
		t.Errorf("the gateway on the lost node is %s", is)
	}
	if err := node.StartProgram(t.Context(), devcluster.Kubelet); err != nil {
		t.Fatal(err)
	}
	eventuallySuccessor(t, pod)
	eventuallyReady(t, namespace)
	eventually(t, 30*time.Second, func() error { // The operator's own pod was deleted, too.
		_, err := node.Kubectl(t.Context(), "rollout", "status", "-n", platformNamespace, "deployment/"+operatorName, "--timeout=1s")
		if err != nil {
			return fmt.Errorf("the operator is not available: %w", err)
		}
		return nil
	})
}
