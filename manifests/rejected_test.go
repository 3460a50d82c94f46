package manifests

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestRejectionIsToldAlwaysAlike: a message that varies would be written to the status again and again.
func TestRejectionIsToldAlwaysAlike(t *testing.T) {
	spec := v1alpha1.GatewayTenantSpec{Config: "[openshell.gateway.oidc]\n"}
	_, first := tenantOf(t, spec)
	if is, ok := errors.AsType[*RejectedError](first); !ok || is.Reason != v1alpha1.ReasonInvalidConfig || is.Field != "spec.config" {
		t.Fatalf("a table without a required key: %v", first)
	}
	for range 100 {
		if _, again := tenantOf(t, spec); again == nil || again.Error() != first.Error() {
			t.Fatalf("once it says %q, and once %v", first, again)
		}
	}
}

// TestRejectionFitsIntoAStatus, whatever was written: a condition's message has 32,768 bytes at most.
func TestRejectionFitsIntoAStatus(t *testing.T) {
	long := strings.Repeat("a", 40_000)
	for what, spec := range map[string]v1alpha1.GatewayTenantSpec{
		"a value of ours":     {Config: "openshell.gateway.bind_address = '" + long + "'"},
		"one of several":      {Config: "openshell.gateway.log_level = 7\nopenshell.drivers.kubernetes.supervisor_sideload_method = '" + long + "'"},
		"a key":               {Config: "openshell.gateway." + long + " = 1"},
		"what is not TOML":    {Config: "= '" + long},
		"a label":             {Network: v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": long}}}}}},
		"a name":              {ServerDNSNames: []string{long}},
		"an image":            {Image: "ghcr.io/nvidia/openshell/" + long},
		"a label that is odd": {Network: v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{long: "a"}}}}}},
	} {
		_, err := tenantOf(t, spec)
		if err == nil {
			t.Errorf("%s: it is accepted", what)
		} else if n := len(err.Error()); n > 3000 {
			t.Errorf("%s: the message has %d bytes", what, n)
		}
	}
}

// TestRejectedSpecKeepsItsServerNames where they are valid by themselves, so that a lost certificate can be issued again.
func TestRejectedSpecKeepsItsServerNames(t *testing.T) {
	ofService := []string{"openshell-gateway.tenant-a.svc", "openshell-gateway.tenant-a.svc.cluster.local"}
	for _, c := range []struct {
		what  string
		names []string
		want  []string
	}{
		{"no names", nil, ofService},
		{"valid names", []string{"*.example.com", "gateway.example.com"}, append([]string{"*.example.com", "gateway.example.com"}, ofService...)},
		{"an invalid name among others", []string{"gateway.example.com", "not valid"}, ofService},
	} {
		t.Run(c.what, func(t *testing.T) {
			gt := tenantWith("openshell.gateway.no_such_key = 1")
			gt.Spec.ServerDNSNames = c.names
			if _, err := NewTenant(gt, testPlatform(t)); err == nil {
				t.Fatal("the spec is accepted")
			}
			tenant := CertificateOnly(gt, testPlatform(t))
			if diff := cmp.Diff(c.want, tenant.ServerNames); diff != "" {
				t.Errorf("server names: %s", diff)
			}
			if _, err := RenderCertgen(tenant); err != nil {
				t.Error(err)
			}
		})
	}
}
