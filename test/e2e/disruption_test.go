package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestDrainIsReported by one Warning Event that names the node. As kubectl drain does, it cordons the node and evicts the pod.
// The gateway serves again when a node takes it.
func TestDrainIsReported(t *testing.T) {
	const namespace = "drained"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	before := podUID(t, namespace)
	schedulable(t, false)
	t.Cleanup(func() { schedulable(t, true) })
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: manifests.PodName, Namespace: namespace}}
	if err := admin.SubResource("eviction").Create(t.Context(), pod, &policyv1.Eviction{ObjectMeta: pod.ObjectMeta}); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 20*time.Second, func() error {
		warnings, err := warningsOf(t, namespace)
		if err == nil && (len(warnings) != 1 || !strings.HasPrefix(warnings[0], "PodEvicted: ") || !strings.Contains(warnings[0], "was evicted from node devcluster")) {
			err = fmt.Errorf("Warning Events: %q", warnings)
		}
		return err
	})
	schedulable(t, true)
	cluster.Eventually(t, 20*time.Second, func() error {
		err := admin.Get(t.Context(), client.ObjectKeyFromObject(pod), pod)
		if err == nil && pod.UID == before {
			err = errors.New("the pod is still there")
		}
		return err
	})
	waitReady(t, namespace)
	oneWarning(t, namespace, v1alpha1.ReasonPodEvicted)
}

// warningsOf lists the Warning Events about a tenant, each with its reason.
func warningsOf(t *testing.T, namespace string) ([]string, error) {
	t.Helper()
	var list corev1.EventList
	err := admin.List(t.Context(), &list, client.InNamespace(namespace))
	var warnings []string
	for _, event := range list.Items {
		if event.InvolvedObject.Kind == "GatewayTenant" && event.Type == corev1.EventTypeWarning {
			warnings = append(warnings, event.Reason+": "+event.Message)
			if event.Series != nil {
				t.Errorf("the Event is repeated: %s", event.Message)
			}
		}
	}
	return warnings, err
}

// oneWarning fails the test unless exactly one Warning Event was written about a tenant, with this reason.
func oneWarning(t *testing.T, namespace, reason string) {
	t.Helper()
	warnings, err := warningsOf(t, namespace)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], reason+": ") {
		t.Errorf("Warning Events: %q, want one of %s", warnings, reason)
	}
}
