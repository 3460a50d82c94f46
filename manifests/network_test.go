package manifests

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestIDsAreLeftToAClusterThatAssignsThem: it refuses pods that bring their own.
func TestIDsAreLeftToAClusterThatAssignsThem(t *testing.T) {
	gt := &v1alpha1.GatewayTenant{}
	gt.Namespace = "tenant-a"
	for assigns, platform := range map[bool]Platform{false: testPlatform(t), true: testPlatform(t).AssigningIDs()} {
		tenant, err := NewTenant(gt, platform)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := Render(tenant, seen)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range []*unstructured.Unstructured{objects.Gateway, objects.Certgen} {
			context, there, err := unstructured.NestedMap(object.Object, "spec", "template", "spec", "securityContext")
			if err != nil || !there {
				t.Fatal(object.GetKind(), "has no security context", err)
			}
			for _, id := range []string{"runAsUser", "runAsGroup", "fsGroup"} {
				if _, there := context[id]; there && assigns {
					t.Errorf("%s: %s is fixed", object.GetKind(), id)
				} else if !there && !assigns && (id != "fsGroup" || object.GetKind() != "Job") {
					t.Errorf("%s: %s is not set", object.GetKind(), id)
				}
			}
			if context["runAsNonRoot"] != true {
				t.Errorf("%s: may run as root", object.GetKind())
			}
		}
	}
}

// TestTwoBadSelectorsAreToldAlwaysAlike: a message that varies would be written to the status again and again.
func TestTwoBadSelectorsAreToldAlwaysAlike(t *testing.T) {
	bad := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "not a label", "other": "nor this"}}
	network := v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{{NamespaceSelector: bad, PodSelector: bad}}}
	first := checkNetwork(network).Error()
	for range 100 {
		if again := checkNetwork(network).Error(); again != first {
			t.Fatalf("once it says %q, and once %q", first, again)
		}
	}
}
