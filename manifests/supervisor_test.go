package manifests

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// TestSupervisorComesFromWhereTheGatewayComes if the platform does not allow the default repository, as on a cluster that reaches only
// a mirror. Otherwise the gateway.toml of existing gateways would change.
func TestSupervisorComesFromWhereTheGatewayComes(t *testing.T) {
	const mirror, other = "registry.example.com/openshell", "ghcr.io/nvidia/openshell/supervisor"
	for _, test := range []struct {
		name, image, allowed, version string
		want                          string // empty if gateway.toml has no supervisor
	}{
		{"a mirror", mirror + "/gateway:0.0.71", mirror, "", mirror + "/supervisor:0.0.71"},
		{"a mirror, and a release that has a default of its own", mirror + "/gateway:0.0.111", mirror, "", mirror + "/supervisor:0.0.111"},
		{"a mirror with other names", "registry.example.com:5000/openshell-gateway:0.0.71", "registry.example.com:5000", "", "registry.example.com:5000/openshell-supervisor:0.0.71"},
		{"a digest", mirror + "/gateway@sha256:" + strings.Repeat("0", 64), mirror, "0.0.72", mirror + "/supervisor:0.0.72"},
		{"only the gateway is allowed", mirror + "/gateway:0.0.71", mirror + "/gateway", "", mirror + "/supervisor:0.0.71"},
		{"a mirror, and the default is allowed, too", mirror + "/gateway:0.0.71", mirror + " ghcr.io/nvidia", "", other + ":0.0.71"},
		{"a mirror, the default is allowed, too, and the release has it built in", mirror + "/gateway:0.0.111", mirror + " ghcr.io/nvidia", "", ""},
		{"a repository of another name", mirror + "/x:0.0.71", mirror, "", other + ":0.0.71"},
		{"a repository of another name, and the release has a default of its own", mirror + "/x:0.0.111", mirror, "", ""},
		{"the default", "ghcr.io/nvidia/openshell/gateway:0.0.111", "ghcr.io/nvidia/openshell/gateway", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: v1alpha1.Name, UID: "1"}}
			tenant.Spec.Image, tenant.Spec.Version = test.image, test.version
			platform, err := NewPlatform(strings.Fields(test.allowed)[0]+"/gateway:0.0.71", "certgen:1", strings.Fields(test.allowed))
			if err != nil {
				platform, err = NewPlatform(test.image, "certgen:1", strings.Fields(test.allowed))
			}
			if err != nil {
				t.Fatal(err)
			}
			text := gatewayTOML(t, tenant, platform)
			if want := fmt.Sprintf("supervisor_image = '%s'\n", test.want); strings.Contains(text, "supervisor_image") != (test.want != "") || test.want != "" && !strings.Contains(text, want) {
				t.Errorf("gateway.toml is\n%s\nwant %s", text, want)
			}
			if test.want == "" {
				return
			}
			tenant.Spec.Config = fmt.Sprintf("openshell.drivers.kubernetes.supervisor_image = %q", test.want)
			if test.name != "a repository of another name" && gatewayTOML(t, tenant, platform) != text { // a tenant can write what is the default
				t.Error("the default supervisor is another one in spec.config")
			}
			tenant.Spec.Config = `openshell.drivers.kubernetes.supervisor_image = "registry.example.org/x/supervisor:1"`
			if _, err := NewTenant(tenant, platform); !errors.As(err, new(*RejectedError)) {
				t.Errorf("a supervisor from elsewhere: %v; want it rejected", err)
			}
		})
	}
}

// TestImagesOfReleasesWithASandboxImage: both images that a sandbox runs come from the mirror, and a tenant may name them.
func TestImagesOfReleasesWithASandboxImage(t *testing.T) {
	for _, c := range []struct{ version, gateway, allowed, supervisor, sandbox string }{
		{"0.1.5", "registry.example.com/a/gateway", "registry.example.com/a", "registry.example.com/a/supervisor:0.1.5", "registry.example.com/a/sandbox:0.1.5"},
		{"0.1.5", "registry.example.com/a/gateway", "registry.example.com/a ghcr.io/nvidia/openshell", "", ""},
		{"0.1.5", "registry.example.com/a/gateway", "registry.example.com/a ghcr.io/nvidia/openshell/supervisor", "", "registry.example.com/a/sandbox:0.1.5"},
		{"0.1.5", "ghcr.io/nvidia/openshell/gateway", "ghcr.io/nvidia/openshell/gateway", "", ""},
		{"0.1.10", "registry.example.com/a/gateway", "registry.example.com/a ghcr.io/nvidia/openshell", "registry.example.com/a/supervisor:0.1.10", "registry.example.com/a/sandbox:0.1.10"},
		{"0.0.111", "registry.example.com/a/gateway", "registry.example.com/a", "registry.example.com/a/supervisor:0.0.111", ""},
	} {
		version, _ := release.Parse(c.version)
		tenant := Tenant{Version: version, release: release.Of(version), platform: Platform{allowedRepositories: strings.Fields(c.allowed)}}
		in := tenant.configInput("", image{ref: c.gateway + ":" + c.version})
		if in.SupervisorImage != c.supervisor || in.SandboxImage != c.sandbox {
			t.Errorf("%s of %s, allowed %s: %q and %q, want %q and %q", c.gateway, c.version, c.allowed, in.SupervisorImage, in.SandboxImage, c.supervisor, c.sandbox)
		}
		for _, name := range []string{in.SupervisorImage, in.SandboxImage} {
			if name != "" && in.CheckImage(name) != nil {
				t.Errorf("%s is not allowed", name)
			}
		}
	}
}

func gatewayTOML(t *testing.T, tenant *v1alpha1.GatewayTenant, platform Platform) string {
	t.Helper()
	valid, err := NewTenant(tenant, platform)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := Render(valid, RenderInput{NamespaceUID: "2", TokenKey: "3"})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects.Foundation {
		if object.GetKind() == "ConfigMap" {
			text, _, _ := unstructured.NestedString(object.Object, "data", ConfigKey)
			return text
		}
	}
	t.Fatal("no ConfigMap is rendered")
	return ""
}
