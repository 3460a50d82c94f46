package manifests

import (
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// TestPoliciesLeaveTheFenceOfSandboxesAlone: from 0.1.0 on, the gateway denies workload pods all egress with a policy of its own, and
// suspends sandboxes if that policy changes. Policies add up, so none of the operator's may allow such a pod any egress, or have the
// name of one of the gateway's.
func TestPoliciesLeaveTheFenceOfSandboxesAlone(t *testing.T) {
	workload := labels.Set{
		"agents.x-k8s.io/sandbox-name-hash": "1", "openshell.ai/managed-by": "openshell",
		"openshell.ai/boundary-role": "workload", "openshell.ai/boundary-pair": "1",
	}
	for _, version := range release.Supported() {
		spec := v1alpha1.GatewayTenantSpec{Image: gatewayRepository + version.String(), Network: v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{}}}
		found := 0
		for _, object := range render(t, spec, clusterInput).Foundation {
			if object.GetKind() != "NetworkPolicy" {
				continue
			}
			found++
			if slices.Contains([]string{"openshell-sandbox-workloads", "openshell-sandbox-supervisors"}, object.GetName()) {
				t.Errorf("%s: %s is the gateway's", version, object.GetName())
			}
			policy := &networkingv1.NetworkPolicy{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, policy); err != nil {
				t.Fatal(err)
			}
			selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
			if err != nil {
				t.Fatal(err)
			}
			if selector.Matches(workload) && (len(policy.Spec.Egress) > 0 || slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)) {
				t.Errorf("%s: %s is about the egress of workload pods", version, object.GetName())
			}
		}
		if found < 3 {
			t.Errorf("%s: %d policies are rendered", version, found)
		}
	}
}
