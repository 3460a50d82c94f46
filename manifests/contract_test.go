package manifests

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// releases returns the versions of a range such as 0.0.76-0.0.109. A range without an end includes all later ones.
func releases(t *testing.T, text string) (first, last release.Version) {
	t.Helper()
	switch text {
	case "all":
		text = schemaReleases
	case "none":
		return release.New(0, 0, 1), release.Version{}
	}
	low, high, is := strings.Cut(strings.ReplaceAll(text, " to ", "-"), "-")
	if !is {
		_, high, _ = strings.Cut(schemaReleases, " to ")
	}
	first, ok := release.Parse(low)
	last, okay := release.Parse(high)
	if !ok || !okay {
		t.Fatalf("%s is not a range of releases", text)
	}
	return first, last
}

// TestContractOfEachRelease holds each text of testdata/contract.yaml against each release.
func TestContractOfEachRelease(t *testing.T) {
	text, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Starts, TOML string }
	if err := yaml.UnmarshalStrict(text, &cases); err != nil {
		t.Fatal(err)
	}
	oldest, newest := releases(t, "all")
	for _, c := range cases {
		first, last := releases(t, c.Starts)
		for version := oldest; !newest.Less(version); version.Patch++ {
			want := !version.Less(first) && !last.Less(version)
			tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: fmt.Sprint("ghcr.io/nvidia/openshell/gateway:", version), Config: c.TOML})
			if err == nil {
				err = tenant.EarlierConfigHeldBy(Volume{}) // as of a new gateway
			}
			if (err == nil) != want {
				t.Errorf("%s %q: accepted is %t, want %t: %v", version, c.TOML, err == nil, want, err)
				break
			}
		}
	}
}
