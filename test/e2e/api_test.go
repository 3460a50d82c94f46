package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// TestAPIRules breaks each rule of the CRD once, on the real server, beside a neighbour that keeps it.
func TestAPIRules(t *testing.T) {
	t.Parallel()
	cluster.CreateNamespace(t, "api-rules")
	label63, name253 := strings.Repeat("a", 63), strings.Repeat(strings.Repeat("a", 62)+".", 4)+"a"
	many := make([]string, 65)
	for i := range many {
		many[i] = "a.example.com"
	}
	for _, c := range []struct {
		what    string
		object  *v1alpha1.GatewayTenant
		refusal string // words of the server's; empty: accepted
	}{
		{"an empty spec", operatortest.Tenant("api-rules", v1alpha1.GatewayTenantSpec{}), ""},
		{"another name", &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: "mine", Namespace: "api-rules"}}, "must be named openshell-gateway"},
		{"the longest image", withSpec(v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/" + strings.Repeat("x", 497)}), ""},
		{"too long an image", withSpec(v1alpha1.GatewayTenantSpec{Image: strings.Repeat("x", 513)}), "spec.image"},
		{"a version", withSpec(v1alpha1.GatewayTenantSpec{Version: "v0.0.71"}), ""},
		{"a version of two numbers", withSpec(v1alpha1.GatewayTenantSpec{Version: "10.71"}), "three numbers"},
		{"a version with a suffix", withSpec(v1alpha1.GatewayTenantSpec{Version: "0.0.71-rc"}), "three numbers"},
		{"names", names("a", "a.example.com", "*.example.com", "192.0.2.1", "2001:db8::1", label63+".example.com", name253), ""},
		{"a name with an argument in it", names("foo.bar --exec=x"), "must be a DNS name"},
		{"a name in upper case", names("A.example.com"), "must be a DNS name"},
		{"a wildcard in the middle", names("a.*.example.com"), "must be a DNS name"},
		{"a wildcard in a label", names("*a.example.com"), "must be a DNS name"},
		{"a label too long", names(label63 + "a.example.com"), "must be a DNS name"},
		{"a name too long", names(name253 + "a"), "spec.serverDnsNames"},
		{"an address that is none", names("1.2.3.999"), "must be a DNS name"},
		{"an empty name", names(""), "spec.serverDnsNames"},
		{"as many names as may be", names(many[:64]...), ""},
		{"too many names", names(many...), "spec.serverDnsNames"},
		{"the longest config", withSpec(v1alpha1.GatewayTenantSpec{Config: strings.Repeat("#", 65536)}), ""},
		{"too long a config", withSpec(v1alpha1.GatewayTenantSpec{Config: strings.Repeat("#", 65537)}), "spec.config"},
		{"no clients", withSpec(v1alpha1.GatewayTenantSpec{Network: v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{}, MetricsClients: []v1alpha1.AllowedClient{}}}), ""},
		{"too many clients of the metrics", withSpec(v1alpha1.GatewayTenantSpec{Network: v1alpha1.Network{MetricsClients: slices.Repeat([]v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{}}}, 33)}}), "spec.network.metricsClients"},
		{"a client of the metrics that selects nothing", withSpec(v1alpha1.GatewayTenantSpec{Network: v1alpha1.Network{MetricsClients: []v1alpha1.AllowedClient{{}}}}), "podSelector or both"},
		{"tokens disabled", withSpec(v1alpha1.GatewayTenantSpec{SandboxTokens: v1alpha1.SandboxTokensDisabled}), ""},
		{"tokens perhaps", withSpec(v1alpha1.GatewayTenantSpec{SandboxTokens: "Perhaps"}), "spec.sandboxTokens"},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := admin.Create(t.Context(), c.object, client.DryRunAll)
			switch {
			case c.refusal == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.refusal != "" && (err == nil || !strings.Contains(err.Error(), c.refusal)):
				t.Errorf("%v; want a refusal that says %q", err, c.refusal)
			}
		})
	}
}

func withSpec(spec v1alpha1.GatewayTenantSpec) *v1alpha1.GatewayTenant {
	return operatortest.Tenant("api-rules", spec)
}

func names(names ...string) *v1alpha1.GatewayTenant {
	return withSpec(v1alpha1.GatewayTenantSpec{ServerDNSNames: names})
}

// TestRejectedSpecTouchesNothing: what only the operator can check is in the status, at the spec's generation.
func TestRejectedSpecTouchesNothing(t *testing.T) {
	t.Parallel()
	const namespace = "rejected"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	before := fingerprints(t, namespace)
	for reason, spec := range map[string]v1alpha1.GatewayTenantSpec{
		v1alpha1.ReasonInvalidImage:       {Image: "ghcr.io/nvidia/no image at all"},
		v1alpha1.ReasonVersionUnknown:     {Image: "ghcr.io/nvidia/openshell/gateway:dev"},
		v1alpha1.ReasonVersionUnsupported: {Image: "ghcr.io/nvidia/openshell/gateway:0.1.0"},
		v1alpha1.ReasonInvalidConfig:      {Config: "openshell.gateway.bind_address = '127.0.0.1:1'"},
	} {
		change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { *s = spec })
		waitCondition(t, namespace, v1alpha1.ConditionReady, metav1.ConditionFalse, reason)
		waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, reason)
		waitCondition(t, namespace, v1alpha1.ConditionStalled, metav1.ConditionTrue, reason)
	}
	if after := fingerprints(t, namespace); after != before {
		t.Errorf("a rejected spec changed objects:\n%s\nbefore:\n%s", after, before)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { *s = v1alpha1.GatewayTenantSpec{} })
	waitReady(t, namespace)
}

// fingerprints are the uids and generations of a namespace's objects, and the resourceVersions of those without any.
func fingerprints(t *testing.T, namespace string) string {
	t.Helper()
	var all []string
	for kind, list := range namespacedKinds() {
		if err := admin.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		for _, object := range items(t, list) {
			version := object.GetResourceVersion()
			if object.GetGeneration() > 0 {
				version = fmt.Sprint("generation ", object.GetGeneration())
			}
			all = append(all, fmt.Sprintf("%s/%s %s %s", kind, object.GetName(), object.GetUID(), version))
		}
	}
	return strings.Join(slices.Sorted(slices.Values(all)), "\n")
}

// TestTOMLThatWouldNotStartIsRefusedBeforeAnythingIsTouched: the gateway that runs goes on, and mending rolls it once.
func TestTOMLThatWouldNotStartIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	t.Parallel()
	const namespace = "would-not-start"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	pod, config := podUID(t, namespace), get(t, &corev1.ConfigMap{}, namespace, "openshell-gateway-config")
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) {
		s.Config = "[openshell.gateway]\nlog_level = \"debug\"\ncolour = \"blue\""
	})
	tenant := waitCondition(t, namespace, v1alpha1.ConditionAccepted, metav1.ConditionFalse, v1alpha1.ReasonInvalidConfig)
	if message := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady).Message; !strings.Contains(message, "line 3, column 1: openshell.gateway.colour") {
		t.Errorf("Ready says %q", message)
	}
	operator.quietFor(t, time.Second, writesTo(namespace))
	if after := get(t, &corev1.ConfigMap{}, namespace, config.Name); after.ResourceVersion != config.ResourceVersion || podUID(t, namespace) != pod {
		t.Error("the gateway that runs was touched")
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.Config = "[openshell.gateway]\nlog_level = \"debug\"" })
	restartedOnce(t, namespace, pod)
}
