package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestFlagsComeBeforeTheEnvironment(t *testing.T) {
	env := environment("OPENSHELL_GATEWAY_IMAGE", "from-env", "OPENSHELL_USE_GATEWAY", "false", "POD_NAMESPACE", "pod", "CERTGEN_IMAGE", "certgen")
	o, kubeconfig, err := parse(nil, env)
	if err != nil || o.GatewayImage != "from-env" || o.EnableBridge || o.PlatformNamespace != "pod" || o.CertgenImage != "certgen" || kubeconfig != "" {
		t.Errorf("from the environment: %+v, %q, %v", o, kubeconfig, err)
	}
	o, kubeconfig, err = parse([]string{"--gateway-image=flag", "--enable-bridge", "--platform-namespace=ns", "--kubeconfig=file", "--watch-namespaces=a,b", "--allowed-repositories=x,y/z"}, env)
	if err != nil || o.GatewayImage != "flag" || !o.EnableBridge || o.PlatformNamespace != "ns" || kubeconfig != "file" {
		t.Errorf("from flags: %+v, %q, %v", o, kubeconfig, err)
	}
	if diff := cmp.Diff([][]string{{"a", "b"}, {"x", "y/z"}}, [][]string{o.WatchNamespaces, o.AllowedRepositories}); diff != "" {
		t.Error(diff)
	}
}

// TestPlatformSettingsComeFromTheEnvironment covers the keys of the ConfigMap gatewaytenant-platform that may be missing.
func TestPlatformSettingsComeFromTheEnvironment(t *testing.T) {
	for _, c := range []struct{ telemetry, appArmorProfile, refusal string }{
		{"", "", ""},
		{"Disabled", "Unconfined", ""},
		{"off", "", "key telemetry"},
		{"", "unconfined", "key sandboxAppArmorProfile"},
	} {
		o, _, err := parse(nil, environment("CERTGEN_IMAGE", "certgen:1", "TELEMETRY", c.telemetry, "SANDBOX_APP_ARMOR_PROFILE", c.appArmorProfile))
		if err != nil || o.Settings.Telemetry != c.telemetry || o.Settings.SandboxAppArmorProfile != c.appArmorProfile {
			t.Errorf("%+v: %q, %q, %v", c, o.Settings.Telemetry, o.Settings.SandboxAppArmorProfile, err)
		}
		if _, err := o.Platform(); (err == nil) != (c.refusal == "") || err != nil && !strings.Contains(err.Error(), c.refusal) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestMistakesAreNamed(t *testing.T) {
	if _, _, err := parse(nil, environment("OPENSHELL_USE_GATEWAY", "perhaps")); err == nil || !strings.Contains(err.Error(), "perhaps") {
		t.Errorf("OPENSHELL_USE_GATEWAY=perhaps: %v", err)
	}
	if _, _, err := parse([]string{"leader-elect"}, environment()); err == nil || !strings.Contains(err.Error(), "leader-elect") {
		t.Errorf("a word that is no flag: %v", err)
	}
}

func TestNoClusterEndsWithAMessage(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("HOME", t.TempDir()) // nothing is looked for there
	if _, err := restConfig(""); err == nil {
		t.Error("a way to a cluster was found without a kubeconfig and outside a pod")
	}
	if _, err := restConfig("missing/kubeconfig"); err == nil || !strings.Contains(err.Error(), "missing/kubeconfig") {
		t.Errorf("a kubeconfig that is not there: %v", err)
	}
}
