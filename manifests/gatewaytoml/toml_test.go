package gatewaytoml_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
)

// TestTOML compares the result for each text of testdata/toml.yaml with toml.golden. The messages are those that users see, so
// the texts are parts of whole specs.
func TestTOML(t *testing.T) {
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/", "registry.example.com:5000/mirror"})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, c := range gatewaytoml.TOMLCases(t) {
		gt := &v1alpha1.GatewayTenant{Spec: v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:" + c.Version, Config: c.TOML}}
		gt.Name, gt.Namespace = v1alpha1.Name, "tenant-a"
		result := "accepted"
		if _, err := manifests.NewTenant(gt, platform); err != nil {
			result = err.Error()
		}
		fmt.Fprintf(&got, "%s %q\n    %s\n", c.Version, c.TOML, result)
	}
	gatewaytoml.CompareGolden(t, "testdata/toml.golden", got.String())
}
