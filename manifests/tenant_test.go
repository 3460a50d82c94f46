package manifests

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// rejected fails the test unless the spec is rejected for the reason, in words that include all of those given.
func rejected(t *testing.T, spec v1alpha1.GatewayTenantSpec, reason string, words ...string) {
	t.Helper()
	_, err := tenantOf(t, spec)
	var rejection *RejectedError
	if !errors.As(err, &rejection) {
		t.Errorf("%+v: %v; want it rejected as %s", spec, err, reason)
		return
	}
	if rejection.Reason != reason {
		t.Errorf("%+v: rejected as %s, want %s", spec, rejection.Reason, reason)
	}
	for _, word := range words {
		if !strings.Contains(rejection.Message, word) {
			t.Errorf("%+v: %q does not say %q", spec, rejection.Message, word)
		}
	}
}

func TestImageReferences(t *testing.T) {
	const digest = "sha256:0123456789012345678901234567890123456789012345678901234567890123"
	for _, image := range []string{
		"ghcr.io/nvidia/openshell/gateway:0.0.71",
		"ghcr.io/nvidia/openshell/gateway:v0.0.111",
		"ghcr.io/nvidia/openshell/gateway:0.0.71@" + digest,
		"registry.example.com:5000/mirror/gateway:0.0.71-distroless",
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: image})
		if err != nil || tenant.Image != image {
			t.Errorf("%s: %q, %v; want it accepted as it is", image, tenant.Image, err)
		}
	}
	for _, image := range []string{
		"GHCR.io/Nvidia/openshell/gateway:0.0.71", "ghcr.io/nvidia/gateway:0.0.71;rm -rf /", "ghcr.io/nvidia/gateway:0.0.71 --exec=x",
		"ghcr.io/nvidia/gateway:$(id)", "ghcr.io/nvidia/gateway:0.0.71\n", "ghcr.io/nvidia/gateway:0.0.71\x00", "ghcr.io/nvidia/gateway", "ghcr.io/nvidia/gateway|x:1",
	} {
		rejected(t, v1alpha1.GatewayTenantSpec{Image: image}, v1alpha1.ReasonInvalidImage, "spec.image")
	}
	for _, image := range []string{
		"ghcr.io/nvidia-evil/gateway:0.0.71", "ghcr.io/nvidiaevil:0.0.71", "docker.io/ghcr.io/nvidia/gateway:0.0.71", "localhost:5000/nvidia:0.0.71", "nvidia/gateway:0.0.71",
	} {
		rejected(t, v1alpha1.GatewayTenantSpec{Image: image}, v1alpha1.ReasonImageNotAllowed, "spec.image", image, "ghcr.io/nvidia")
	}
}

func TestVersionIsTheTagsUnlessThatDoesNotTell(t *testing.T) {
	const repository = "ghcr.io/nvidia/openshell/gateway"
	for _, c := range []struct{ image, version, want string }{
		{repository + ":0.0.71", "", "0.0.71"},
		{repository + ":v0.0.71", "", "0.0.71"},
		{repository + ":0.0.71-rc.1", "", "0.0.71"},
		{repository + ":0.0.71", "v0.0.71", "0.0.71"},
		{repository + ":dev", "0.0.111", "0.0.111"},
		{"", "", "0.0.111"},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: c.image, Version: c.version})
		if err != nil || tenant.Version.String() != c.want {
			t.Errorf("%+v: %s, %v", c, tenant.Version, err)
		}
	}
	rejected(t, v1alpha1.GatewayTenantSpec{Image: repository + ":dev"}, v1alpha1.ReasonVersionUnknown, "spec.version", "is needed", ":dev")
	rejected(t, v1alpha1.GatewayTenantSpec{Image: repository + ":0.0.71", Version: "0.0.72"}, v1alpha1.ReasonVersionUnknown, "0.0.72", "0.0.71")
	rejected(t, v1alpha1.GatewayTenantSpec{Image: repository + ":dev", Version: "latest"}, v1alpha1.ReasonVersionUnknown, "latest")
}

func TestServerNames(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 62)+".", 4) + "a" // 253 characters
	for _, name := range []string{"a", "a.example.com", "*.example.com", "192.0.2.1", "2001:db8::1", long, strings.Repeat("b", 63) + ".example.com"} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{name}})
		if err != nil || !slices.Contains(tenant.ServerNames, name) {
			t.Errorf("%s: %v, %v", name, tenant.ServerNames, err)
		}
	}
	for _, name := range []string{
		"foo.bar --exec=x", "", "a..b", "-a.example.com", "a-.example.com", "A.example.com", "*", "a.*.example.com", "*a.example.com", "*.*.example.com",
		"a_b.example.com", "1.2.3.999", "10", "fe80::1%eth0", "::ffff:192.0.2.1", long + "a", strings.Repeat("b", 64) + ".example.com", "a.example.com\n", "a.example.com.",
	} {
		rejected(t, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"ok.example.com", name}}, v1alpha1.ReasonInvalidServerDNSName, "spec.serverDnsNames[1]")
	}
}

func TestPlatformSettingsAreChecked(t *testing.T) {
	for _, c := range []struct {
		gateway, certgen, repository string
	}{
		{"", "", "ghcr.io/nvidia/"},
		{"docker.io/evil/gateway:0.0.71", "certgen:1", "ghcr.io/nvidia/"},
		{"no image", "certgen:1", "ghcr.io/nvidia/"},
		{"", "certgen:1", "ghcr.io/nvidia/gateway:0.0.71"},
		{"", "certgen:1", "GHCR.io/nvidia"},
		{"docker.io/nvidia/gateway:0.0.71", "certgen:1", "nvidia"},
		{"docker.io/nvidia/gateway:0.0.71", "certgen:1", "index.docker.io/nvidia"},
	} {
		if _, err := NewPlatform(c.gateway, c.certgen, []string{c.repository}); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	for repository, gateway := range map[string]string{
		"registry.example.com:5000": "registry.example.com:5000/any/thing:0.0.71",
		"docker.io/nvidia":          "nvidia/gateway:0.0.71",
		"docker.io":                 "gateway:0.0.71",
	} {
		if _, err := NewPlatform(gateway, "certgen:1", []string{repository}); err != nil {
			t.Errorf("%s from %s: %v", gateway, repository, err)
		}
	}
}

// TestWildcardIsAskedForByTheTenant: it restarts the gateway, and that must not wait as an update of the platform does.
func TestWildcardIsAskedForByTheTenant(t *testing.T) {
	plain, err := tenantOf(t, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"a.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	wild, err := tenantOf(t, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"*.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	none, err := tenantOf(t, v1alpha1.GatewayTenantSpec{})
	if err != nil || plain.asked != none.asked || wild.asked == none.asked {
		t.Errorf("asked for: %s without names, %s with one, %s with a wildcard (%v)", none.asked, plain.asked, wild.asked, err)
	}
}
