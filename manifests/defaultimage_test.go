package manifests

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// platformWith returns a platform with a default gateway image.
func platformWith(t *testing.T, image string) Platform {
	t.Helper()
	platform, err := NewPlatform(image, "certgen:1", []string{"ghcr.io/nvidia", "registry.example.com:5000"})
	if err != nil {
		t.Fatal(err)
	}
	return platform
}

func TestDefaultImageByVolume(t *testing.T) {
	const mirror, digest = "registry.example.com:5000/mirror/gateway", "@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	for _, c := range []struct {
		name, image string
		volume      Volume
		spec        v1alpha1.GatewayTenantSpec
		want        string
	}{
		{"no volume", "", used("-", "-"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.111"},
		{"the claim is gone, and its gateway runs", "", used("-", gatewayRepository+"0.0.71"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.111"},
		{"below the step", "", used("0.0.71", gatewayRepository+"0.0.71"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.87"},
		{"below the step, and no gateway runs", "", used("0.0.87", "-"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.87"},
		{"older than all supported releases", "", used("0.0.60", "-"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.87"},
		{"beyond the step", "", used("0.0.88", gatewayRepository+"0.0.88"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.111"},
		{"a record counts, not what runs", "", used("0.0.100", gatewayRepository+"0.0.71"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.111"},
		{"no record, and what runs tells", "", used("", gatewayRepository+"0.0.75"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.87"},
		{"no record, and what runs does not tell", "", used("", gatewayRepository+"stable"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.111"},
		{"no record, and nothing runs", "", used("", "-"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.111"},
		{"an older default without a step between", gatewayRepository + "0.0.71", used("0.0.87", "-"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.71"},
		{"a default below the step, a volume beyond it", gatewayRepository + "0.0.71", used("0.0.100", "-"), v1alpha1.GatewayTenantSpec{}, gatewayRepository + "0.0.111"},
		{"another repository", mirror + ":0.0.90", used("0.0.71", "-"), v1alpha1.GatewayTenantSpec{}, mirror + ":0.0.87"},
		{"a tag with more than the version", mirror + ":v0.0.111-distroless", used("0.0.71", "-"), v1alpha1.GatewayTenantSpec{}, mirror + ":v0.0.87-distroless"},
		{"a tag and a digest", mirror + ":0.0.111" + digest, used("0.0.71", "-"), v1alpha1.GatewayTenantSpec{}, mirror + ":0.0.87"},
		{"the same default on a volume that it can use", mirror + ":0.0.111" + digest, used("0.0.88", "-"), v1alpha1.GatewayTenantSpec{}, mirror + ":0.0.111" + digest},
		{"the tenant names an image", "", used("0.0.71", "-"), v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111"}, gatewayRepository + "0.0.111"},
		{"the tenant names the version", "", used("0.0.71", "-"), v1alpha1.GatewayTenantSpec{Version: "0.0.111"}, gatewayRepository + "0.0.111"},
		{"a digest alone, and the tenant names the version", mirror + digest, used("0.0.71", "-"), v1alpha1.GatewayTenantSpec{Version: "0.0.90"}, mirror + digest},
	} {
		t.Run(c.name, func(t *testing.T) {
			gt := &v1alpha1.GatewayTenant{Spec: c.spec}
			gt.Namespace = "tenant-a"
			tenant, err := NewTenant(gt, platformWith(t, c.image).For(gt, c.volume))
			if err != nil || tenant.Image != c.want {
				t.Errorf("the image is %q (%v), want %q", tenant.Image, err, c.want)
			}
			if version, ok := release.Parse(c.want[strings.LastIndex(c.want, ":")+1:]); ok && version != tenant.Version {
				t.Errorf("the version is %s, want %s", tenant.Version, version)
			}
		})
	}
}

// TestDefaultImageCountsAClaimUntilItIsGone: the pod that runs keeps the volume until it ends, and must not be replaced by another image.
func TestDefaultImageCountsAClaimUntilItIsGone(t *testing.T) {
	volume := used("0.0.71", gatewayRepository+"0.0.71")
	volume.Claim.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	if is, want := platformWith(t, "").For(&v1alpha1.GatewayTenant{}, volume).DefaultImage(), gatewayRepository+"0.0.87"; is != want {
		t.Errorf("the image is %s, want %s", is, want)
	}
}

// TestDefaultImageNeverCrossesAStep combines all supported releases as the default with all that may have used a volume, also later
// ones.
func TestDefaultImageNeverCrossesAStep(t *testing.T) {
	used := func(last release.Version) Volume { return used(last.String(), "-") }
	all := append(release.Known(), release.New(0, 0, 36), release.New(0, 0, 60), release.New(0, 0, 113), release.New(0, 1, 0), release.New(0, 1, 3), release.New(0, 1, 10), release.New(0, 2, 0))
	gt := &v1alpha1.GatewayTenant{}
	gt.Namespace = "tenant-a"
	for _, version := range release.Supported() {
		platform := platformWith(t, gatewayRepository+version.String())
		for _, last := range all {
			tenant, err := NewTenant(gt, platform.For(gt, used(last)))
			if err != nil {
				t.Fatalf("default %s on a volume of %s: %v", version, last, err)
			}
			crosses := len(release.StepsBetween(last, tenant.Version)) > 0
			if crosses && slices.ContainsFunc(release.Supported(), func(v release.Version) bool { return len(release.StepsBetween(last, v)) == 0 }) {
				t.Errorf("default %s on a volume of %s: %s runs, and a release without a step between is supported", version, last, tenant.Version)
			}
			if err := tenant.CheckDowngrade(used(last)); crosses && !errors.As(err, new(*RejectedError)) {
				t.Errorf("default %s on a volume of %s: %s runs across a step", version, last, tenant.Version)
			}
			if version.Less(tenant.Version) && !version.Less(last) {
				t.Errorf("default %s on a volume of %s: %s runs, which is newer than both", version, last, tenant.Version)
			}
		}
	}
}
