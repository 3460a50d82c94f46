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
