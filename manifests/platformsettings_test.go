package manifests

import (
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// renderWith renders a tenant of a platform with settings for sandboxes.
func renderWith(t *testing.T, spec v1alpha1.GatewayTenantSpec, telemetry, appArmorProfile string) Objects {
	t.Helper()
	platform, err := testPlatform(t).WithSettings(Settings{Telemetry: telemetry, SandboxAppArmorProfile: appArmorProfile})
	if err != nil {
		t.Fatal(err)
	}
	return renderOn(t, platform, spec, clusterInput)
}

func TestTelemetryIsThatOfTheSpecOrElseOfThePlatform(t *testing.T) {
	unset := renderWith(t, v1alpha1.GatewayTenantSpec{}, "", "")
	for _, c := range []struct {
		spec, platform, want string
	}{
		{"", "", ""},
		{"", "Disabled", "false"},
		{"", "Enabled", "true"},
		{"Disabled", "", "false"},
		{"Disabled", "Enabled", "false"},
		{"Enabled", "Disabled", "true"},
	} {
		objects := renderWith(t, v1alpha1.GatewayTenantSpec{Telemetry: v1alpha1.Telemetry(c.spec)}, c.platform, "")
		containers, _, _ := unstructured.NestedSlice(objects.Gateway.Object, "spec", "template", "spec", "containers")
		is := ""
		for _, variable := range containers[0].(map[string]any)["env"].([]any) {
			if variable := variable.(map[string]any); variable["name"] == "OPENSHELL_TELEMETRY_ENABLED" {
				is = variable["value"].(string)
			}
		}
		if is != c.want {
			t.Errorf("spec %q, platform %q: OPENSHELL_TELEMETRY_ENABLED is %q, want %q", c.spec, c.platform, is, c.want)
		}
		// A change of the platform's setting must wait for a rollout slot. A change of the spec must not.
		if asked := AskedFor(objects.Gateway, unset.Gateway); asked != (c.spec != "") {
			t.Errorf("spec %q, platform %q: the tenant asks for it: %v", c.spec, c.platform, asked)
		}
	}
}

func TestAppArmorProfileIsThatOfTheConfigOrElseOfThePlatform(t *testing.T) {
	const own = "openshell.drivers.kubernetes.app_armor_profile = 'RuntimeDefault'"
	for _, c := range []struct{ config, platform, want string }{
		{"", "", ""},
		{"", "Unconfined", "Unconfined"},
		{own, "", "RuntimeDefault"},
		{own, "Unconfined", "RuntimeDefault"},
	} {
		objects := renderWith(t, v1alpha1.GatewayTenantSpec{Config: c.config}, "", c.platform)
		is, _ := tableAt(renderedConfig(t, objects), "openshell", "drivers", "kubernetes")["app_armor_profile"].(string)
		if is != c.want {
			t.Errorf("config %q, platform %q: the profile is %q, want %q", c.config, c.platform, is, c.want)
		}
	}
}

// renderedConfig returns the gateway.toml among rendered objects.
func renderedConfig(t *testing.T, objects Objects) map[string]any {
	t.Helper()
	for _, object := range objects.Foundation {
		if object.GetKind() != "ConfigMap" {
			continue
		}
		text, _, _ := unstructured.NestedString(object.Object, "data", ConfigKey)
		return decodeTOML(t, text)
	}
	t.Fatal("no ConfigMap is rendered")
	return nil
}

func decodeTOML(t *testing.T, text string) map[string]any {
	t.Helper()
	decoded := map[string]any{}
	if err := toml.Unmarshal([]byte(text), &decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// tableAt returns the table at a path, nil if there is none.
func tableAt(root map[string]any, path ...string) map[string]any {
	for _, key := range path {
		root, _ = root[key].(map[string]any)
	}
	return root
}

func TestUnknownPlatformSettingsAreRefused(t *testing.T) {
	for _, c := range []struct{ telemetry, appArmorProfile, key string }{
		{"off", "", "telemetry"},
		{"disabled", "", "telemetry"},
		{"", "RuntimeDefault", "sandboxAppArmorProfile"},
	} {
		_, err := testPlatform(t).WithSettings(Settings{Telemetry: c.telemetry, SandboxAppArmorProfile: c.appArmorProfile})
		if err == nil || !strings.Contains(err.Error(), "key "+c.key+" of ConfigMap gatewaytenant-platform: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
