package manifests

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// FuzzImageIsAllowedOrRefused: no reference leads out of the allowed repositories, or is anything but one word.
func FuzzImageIsAllowedOrRefused(f *testing.F) {
	for _, image := range []string{
		"ghcr.io/nvidia/openshell/gateway:0.0.71", "ghcr.io/nvidia-evil/x:0.0.71", "ghcr.io/nvidia/../evil:0.0.71", "registry.example.com:5000/a/b:0.0.71",
		"ghcr.io/nvidia/a@sha256:" + strings.Repeat("a", 64), "ghcr.io/NVIDIA/a:0.0.71", "ghcr.io/nvidia/a:0.0.71 --help", "ghcr.io/nvidia/a:0.0.71\n", "a", "",
	} {
		f.Add(image, "")
		f.Add(image, "0.0.72")
	}
	f.Fuzz(func(t *testing.T, image, version string) {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: image, Version: version})
		if err != nil {
			if !errors.As(err, new(*RejectedError)) {
				t.Fatalf("%v says neither the field nor the way out", err)
			}
			return
		}
		// What is allowed is a path above repositories, or a repository itself.
		below, is := strings.CutPrefix(tenant.Image, "ghcr.io/nvidia")
		if !is || !strings.HasPrefix(below, "/") && !strings.HasPrefix(below, ":") && !strings.HasPrefix(below, "@") || strings.ContainsFunc(tenant.Image, notOneWord) || strings.Contains(tenant.Image, "/../") {
			t.Errorf("%q becomes %q", image, tenant.Image)
		}
		if again, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: tenant.Image, Version: tenant.Version.String()}); err != nil || again.Image != tenant.Image {
			t.Errorf("%q becomes %q, and that %q (%v)", image, tenant.Image, again.Image, err)
		}
	})
}

func notOneWord(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// FuzzNameBecomesOneArgument: a name is one argument of certgen, whole, or refused.
func FuzzNameBecomesOneArgument(f *testing.F) {
	for _, name := range []string{"a.example.com", "*.example.com", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "foo.bar --exec=x", "a..b", "-a", "1.2.3", "A.example.com", "a,b", "fe80::1%eth0", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{name}})
		if err != nil {
			if !errors.As(err, new(*RejectedError)) {
				t.Fatalf("%v says neither the field nor the way out", err)
			}
			return
		}
		job, err := RenderCertgen(tenant)
		if err != nil {
			t.Fatal(err)
		}
		containers, _, _ := unstructured.NestedSlice(job.Object, "spec", "template", "spec", "containers")
		args, _, _ := unstructured.NestedStringSlice(containers[0].(map[string]any), "args")
		names := slices.DeleteFunc(args, func(arg string) bool { return !strings.HasPrefix(arg, "--server-san=") })
		if len(names) != len(tenant.ServerNames) || slices.ContainsFunc(names, func(arg string) bool { return strings.ContainsFunc(arg, notOneWord) }) {
			t.Errorf("%q becomes %q", name, args)
		}
	})
}
