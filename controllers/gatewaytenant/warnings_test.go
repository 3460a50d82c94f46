package gatewaytenant

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestWarningNamesIgnoredTables, a few of them, after what is more important.
func TestWarningNamesIgnoredTables(t *testing.T) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	gt, p := serving(t)
	gt.Spec.Config = "openshell.drivers = {docker = {}, a = {}, b = {}, c = {}, vm = {}, e = {}, f = {}}"
	if p.tenant, err = manifests.NewTenant(gt, platform); err != nil {
		t.Fatal(err)
	}
	is := meta.FindStatusCondition(statusOf(gt, p).Conditions, v1alpha1.ConditionWarning)
	if is == nil || is.Reason != v1alpha1.ReasonConfigIgnored || !strings.Contains(is.Message, "openshell.drivers.docker, openshell.drivers.e and 2 more") || strings.Contains(is.Message, "vm") {
		t.Errorf("Warning is %+v", is)
	}
	p.podSecurity = "restricted"
	is = meta.FindStatusCondition(statusOf(gt, p).Conditions, v1alpha1.ConditionWarning)
	if is == nil || is.Reason != v1alpha1.ReasonPodSecurity || !strings.Contains(is.Message, "openshell.drivers.docker") {
		t.Errorf("Warning is %+v", is)
	}
}

// TestGatewayWithOIDCIsNotOpen: it has users, and the condition is there only while there is something to warn of.
func TestGatewayWithOIDCIsNotOpen(t *testing.T) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	gt, p := serving(t)
	gt.Status = statusOf(gt, p)
	gt.Spec.Config = "[openshell.gateway.oidc]\nissuer = 'https://idp.example.com'\naudience = 'openshell'\n"
	if p.tenant, err = manifests.NewTenant(gt, platform); err != nil {
		t.Fatal(err)
	}
	if is := meta.FindStatusCondition(statusOf(gt, p).Conditions, v1alpha1.ConditionWarning); is != nil {
		t.Errorf("Warning is %+v", is)
	}
}
