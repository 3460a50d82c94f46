package manifests

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// TestUnsupportedVersionsAreRejected, whether the image's tag or spec.version names them, with a way out that exists: an
// operator that supports an old release does not exist.
func TestUnsupportedVersionsAreRejected(t *testing.T) {
	for version, upgrade := range map[string]bool{
		"0.0.1": false, "0.0.60": false, "0.0.70": false, "0.0.70-rc.1": false,
		"0.0.112": true, "0.0.116": true, "0.0.999": true, "0.1.0": false, "0.1.2": false, "0.1.6": true, "0.1.10": true, "1.0.0": true,
	} {
		words := []string{"does not support", "0.0.71 to 0.0.111"}
		if upgrade {
			words = append(words, "or upgrade the operator")
		} else if strings.HasPrefix(version, "0.1.") {
			words = append(words, "use 0.1.3 or later")
		}
		rejected(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + version}, v1alpha1.ReasonVersionUnsupported,
			append(words, `spec.image: "`+gatewayRepository+version, "use a release from")...)
		if version != "0.0.70-rc.1" {
			rejected(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "dev", Version: version}, v1alpha1.ReasonVersionUnsupported,
				append(words, `spec.version: "`+version)...)
		}
	}
	for _, version := range []string{"0.0.71", "0.0.72", "v0.0.88", "0.0.110", "0.0.111", "0.0.111-distroless"} {
		if _, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + version}); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
}

// TestConfirmationDoesNotSupportAVersion: the annotation confirms what an upgrade costs, and nothing else.
func TestConfirmationDoesNotSupportAVersion(t *testing.T) {
	gt := &v1alpha1.GatewayTenant{}
	gt.Namespace = "tenant-a"
	gt.Spec.Image = gatewayRepository + "0.1.0"
	gt.Annotations = map[string]string{v1alpha1.AnnotationConfirmVersion: "0.1.0"}
	_, err := NewTenant(gt, testPlatform(t))
	if rejected, is := errors.AsType[*RejectedError](err); !is || rejected.Reason != v1alpha1.ReasonVersionUnsupported {
		t.Errorf("a confirmed 0.1.0: %v", err)
	}
}

// TestDefaultImageMustBeSupported: otherwise every tenant that names no image would be rejected.
func TestDefaultImageMustBeSupported(t *testing.T) {
	for version, supported := range map[string]bool{"0.0.70": false, "0.0.71": true, "dev": true, "0.0.112": false, "0.1.0": false} {
		_, err := NewPlatform(gatewayRepository+version, "certgen:1", []string{"ghcr.io/nvidia/"})
		if (err == nil) != supported {
			t.Errorf("%s as the default image: %v", version, err)
		}
	}
}

// TestInstallPageNamesTheSupportedReleases, of the gateway alone and of both projects together.
func TestInstallPageNamesTheSupportedReleases(t *testing.T) {
	text, err := os.ReadFile("../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	withBeta := slices.DeleteFunc(release.Supported(), func(version release.Version) bool { return version.Less(firstWithBeta) })
	for _, words := range []string{
		fmt.Sprintf("OpenShell %s ([by release](versions.md)).", release.SupportedText()),
		fmt.Sprintf("| %s | 0.4, 0.5 |", release.Ranges(withBeta)),
	} {
		if !strings.Contains(string(text), words) {
			t.Errorf("docs/install.md does not say %q", words)
		}
	}
}

// TestRequestedRelease agrees with NewTenant, and is known also if the rest of the spec is invalid.
func TestRequestedRelease(t *testing.T) {
	for _, c := range []struct {
		name string
		spec v1alpha1.GatewayTenantSpec
		want release.Version
	}{
		{"the default", v1alpha1.GatewayTenantSpec{}, release.New(0, 0, 111)},
		{"a tag", v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.90"}, release.New(0, 0, 90)},
		{"a version", v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "dev", Version: "0.0.90"}, release.New(0, 0, 90)},
		{"a spec that is invalid otherwise", v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.90", Config: "no TOML"}, release.New(0, 0, 90)},
		{"no version", v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "dev"}, release.Version{}},
		{"an unsupported version", v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.70"}, release.Version{}},
		{"a repository that is not allowed", v1alpha1.GatewayTenantSpec{Image: "docker.io/gateway:0.0.90"}, release.Version{}},
		{"no image", v1alpha1.GatewayTenantSpec{Image: "?"}, release.Version{}},
	} {
		gt := &v1alpha1.GatewayTenant{Spec: c.spec}
		is, valid := RequestedRelease(gt, testPlatform(t))
		if valid != (c.want != release.Version{}) || valid && is.Version != c.want {
			t.Errorf("%s: %s, valid %v; want %s", c.name, is.Version, valid, c.want)
		}
	}
}
