package manifests

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

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
		objects, err := Render(tenant, clusterInput)
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

// TestPolicyOfClients: which peers reach which ports of the gateway. A gateway without a policy is open to all.
func TestPolicyOfClients(t *testing.T) {
	const sandboxes = "2 peers: 8080; "
	none, one := []v1alpha1.AllowedClient{}, []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{}}}
	for _, c := range []struct {
		allowed, metrics []v1alpha1.AllowedClient
		want             string // the rules; empty: there is no policy
	}{
		{nil, nil, ""},
		{none, nil, sandboxes},
		{one, nil, sandboxes + "1 peers: 8080 9090; "},
		{one, none, sandboxes + "1 peers: 8080; "},
		{one, one, sandboxes + "1 peers: 8080; 1 peers: 9090; "},
		{none, none, sandboxes},
		{none, one, sandboxes + "1 peers: 9090; "},
		{nil, one, sandboxes + "all peers: 8080; 1 peers: 9090; "},
		{nil, none, sandboxes + "all peers: 8080; "},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Network: v1alpha1.Network{AllowedClients: c.allowed, MetricsClients: c.metrics}})
		if err != nil {
			t.Fatal(err)
		}
		objects, err := Render(tenant, clusterInput)
		if err != nil {
			t.Fatal(err)
		}
		rules := ""
		for _, object := range objects.Foundation {
			if object.GetName() == ClientsName {
				rules = rulesOf(t, object)
			}
		}
		if rules != c.want {
			t.Errorf("%v may connect and %v read metrics: %q, want %q", c.allowed, c.metrics, rules, c.want)
		}
	}
}

// rulesOf writes for each ingress rule of a policy how many peers it admits, and to which ports. A rule without peers admits all.
func rulesOf(t *testing.T, object *unstructured.Unstructured) string {
	t.Helper()
	var policy networkingv1.NetworkPolicy
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &policy); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, rule := range policy.Spec.Ingress {
		if len(rule.From) == 0 {
			text.WriteString("all peers:")
		} else {
			fmt.Fprintf(&text, "%d peers:", len(rule.From))
		}
		for _, port := range rule.Ports {
			text.WriteString(" " + port.Port.String())
		}
		text.WriteString("; ")
	}
	return text.String()
}

// TestEmptyListOfClientsIsNotNone: it survives JSON and the converter, through which it goes to the API server and back.
func TestEmptyListOfClientsIsNotNone(t *testing.T) {
	network := v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{}, MetricsClients: []v1alpha1.AllowedClient{}}
	gt := &v1alpha1.GatewayTenant{Spec: v1alpha1.GatewayTenantSpec{Network: network}}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(gt)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(gt)
	if err != nil {
		t.Fatal(err)
	}
	var converted, decoded v1alpha1.GatewayTenant
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &converted); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	for way, is := range map[string]v1alpha1.Network{"JSON": decoded.Spec.Network, "the converter": converted.Spec.Network, "a copy": gt.DeepCopy().Spec.Network} {
		if is.AllowedClients == nil || is.MetricsClients == nil {
			t.Errorf("after %s: %#v", way, is)
		}
	}
	if text, err := json.Marshal(v1alpha1.GatewayTenantSpec{}); err != nil || string(text) != "{}" {
		t.Errorf("an empty spec is %s (%v)", text, err)
	}
}

// TestTwoBadSelectorsAreToldAlwaysAlike: a message that varies would be written to the status again and again.
func TestTwoBadSelectorsAreToldAlwaysAlike(t *testing.T) {
	bad := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "not a label", "other": "nor this"}}
	network := v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{{NamespaceSelector: bad, PodSelector: bad}}}
	first := rejections(checkNetwork(network), 0).Error()
	for range 100 {
		if again := rejections(checkNetwork(network), 0).Error(); again != first {
			t.Fatalf("once it says %q, and once %q", first, again)
		}
	}
}
