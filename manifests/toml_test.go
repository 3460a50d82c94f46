package manifests

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// tomlCases are the texts of testdata/toml.yaml, with the version of the gateway that each is for.
func tomlCases(t testing.TB) (cases []struct{ Version, TOML string }) {
	t.Helper()
	text, err := os.ReadFile("testdata/toml.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestTOML holds each text of testdata/toml.yaml, for its version, against what toml.golden says becomes of it.
func TestTOML(t *testing.T) {
	var got strings.Builder
	for _, c := range tomlCases(t) {
		result := "accepted"
		if _, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:" + c.Version, Config: c.TOML}); err != nil {
			result = err.Error()
		}
		fmt.Fprintf(&got, "%s %q\n    %s\n", c.Version, c.TOML, result)
	}
	const golden = "testdata/toml.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err, "run make golden")
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("differs from %s (make golden rewrites it):\n%s", golden, diff)
	}
}
