package manifests

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// experimentalPlatform returns a platform that allows these releases as experimental.
func experimentalPlatform(t *testing.T, versions ...string) Platform {
	t.Helper()
	platform, err := testPlatform(t).WithSettings(Settings{ExperimentalVersions: versions})
	if err != nil {
		t.Fatal(err)
	}
	return platform
}

// TestExperimentalVersions are rendered by the newest rules that are known, and only the versions that the platform lists.
func TestExperimentalVersions(t *testing.T) {
	platform := experimentalPlatform(t, "0.1.7", "0.1.99")
	file := func(version string) (text string, objects Objects) {
		t.Helper()
		objects = renderOn(t, platform, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + version}, RenderInput{})
		var config *unstructured.Unstructured
		for _, object := range objects.Foundation {
			if object.GetKind() == "ConfigMap" {
				config = object
			}
		}
		return ConfigIn(config, objects.Gateway), objects
	}
	newest, _ := file("0.1.5")
	for version, unknown := range map[string]string{
		"0.1.7":  "its sandboxes call their supervisors, and the NetworkPolicies and rights for that are not known",
		"0.1.99": "its facts are not known",
	} {
		text, objects := file(version)
		if want := strings.ReplaceAll(newest, "0.1.5", version); text != want || text == "" {
			t.Errorf("%s: gateway.toml is\n%s\nwant\n%s", version, text, want)
		}
		if _, bindings := filesAndBindings(objects); len(bindings) != 1 || bindings[0] != SandboxV2Name || objects.Preflight == nil {
			t.Errorf("%s: the bindings are %q, and the preflight is %v", version, bindings, objects.Preflight)
		}
		tenant, err := tenantOn(platform, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + version})
		if err != nil || tenant.Experimental() != unknown {
			t.Errorf("%s: unknown is %q, %v; want %q", version, tenant.Experimental(), err, unknown)
		}
	}
	if tenant, err := tenantOn(platform, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.1.5"}); err != nil || tenant.Experimental() != "" {
		t.Errorf("0.1.5: unknown is %q, %v", tenant.Experimental(), err)
	}
	for _, version := range []string{"0.1.6", "0.1.8", "0.1.2"} {
		_, err := tenantOn(platform, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + version})
		if rejection, is := errors.AsType[*RejectedError](err); !is || rejection.Reason != v1alpha1.ReasonVersionUnsupported {
			t.Errorf("%s, which is not listed: %v", version, err)
		}
	}
}

// TestExperimentalVersionsAreExact, and none is older than what the operator supports.
func TestExperimentalVersionsAreExact(t *testing.T) {
	for _, text := range []string{"0.1", "0.1.x", "latest", "0.0.70", "0.1.6-0.1.9"} {
		_, err := testPlatform(t).WithSettings(Settings{ExperimentalVersions: []string{"0.1.7", text}})
		if err == nil || !strings.Contains(err.Error(), "experimentalVersions") || !strings.Contains(err.Error(), `"`+text+`"`) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
