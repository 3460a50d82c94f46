package hostile

import (
	"encoding/json"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// TestEachReleaseStartsByDefault holds what is rendered for each release against what a gateway of the release accepts, for a new gateway
// and for one that replaces a gateway of each schema version. The two are written independently.
func TestEachReleaseStartsByDefault(t *testing.T) {
	earlier := map[string]manifests.Volume{"new": {}, "after schema 1": volumeOf(t, "0.0.111"), "after schema 2": volumeOf(t, "0.1.4")}
	for _, version := range release.Supported() {
		r, _ := gateway.ParseRelease(version.String())
		if !r.Described() {
			t.Errorf("%s is supported, and nothing describes what its gateway accepts", version)
			continue
		}
		for what, volume := range earlier {
			sent := sentOn(t, tenantOf(version.String()), volume)
			if err := checkGateway(t, r, sent); err != nil {
				t.Errorf("%s, %s: %v", r, what, err)
			}
			kept := decoded[corev1.ConfigMap](t, sent, "/configmaps/"+manifests.ConfigName).Data[volume.FileKey]
			replacesItself := volume.FileKey == manifests.ConfigKey && !r.ReadsSchema2()
			if want := volume.Files[volume.FileKey]; !replacesItself && kept != want {
				t.Errorf("%s, %s: the gateway that runs finds %q when it restarts, want %q", r, what, kept, want)
			}
		}
	}
}

// tenantOf returns a tenant with the image of a release and no configuration of its own.
func tenantOf(version string) *v1alpha1.GatewayTenant {
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: v1alpha1.Name, UID: anyUID}}
	tenant.Spec.Image = repository + "openshell/gateway:" + version
	return tenant
}

// volumeOf returns what there is of a tenant whose gateway of a release runs, with a gateway.toml that is not the default.
func volumeOf(t *testing.T, version string) manifests.Volume {
	t.Helper()
	tenant := tenantOf(version)
	tenant.Spec.Config = "openshell.gateway.log_level = 'debug'"
	sent := sentFor(t, tenant)
	annotations := decoded[appsv1.StatefulSet](t, sent, "/statefulsets/"+manifests.GatewayName).Spec.Template.Annotations
	volume := manifests.Volume{Claim: &corev1.PersistentVolumeClaim{}, Image: tenant.Spec.Image, ConfigHash: annotations[manifests.AnnotationConfigHash]}
	volume.Files = decoded[corev1.ConfigMap](t, sent, "/configmaps/"+manifests.ConfigName).Data
	for key := range volume.Files {
		volume.FileKey, volume.PodFileKey, volume.FileKeys = key, key, []string{key}
	}
	return volume
}

// TestGatewaysAcceptWhatIsRendered does the same with generated GatewayTenants that are accepted.
func TestGatewaysAcceptWhatIsRendered(t *testing.T) {
	platform, err := manifests.NewPlatform("", certgenImage, []string{repository}, certificates.DefaultLifetimes.Args()...)
	if err != nil {
		t.Fatal(err)
	}
	g, judged := newGenerator(max(*seed, 1), "tenant-a", []string{"tenant-b"}, 3), 0
	for range *renderedSpecs {
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: v1alpha1.Name, UID: anyUID}}
		text, err := json.Marshal(g.next().spec)
		if err != nil {
			t.Fatal(err)
		}
		if json.Unmarshal(text, &tenant.Spec) != nil {
			continue // no spec at all
		}
		if _, err := manifests.NewTenant(tenant, platform); err != nil {
			continue
		}
		_, tag, _ := strings.Cut(tenant.Spec.Image, ":")
		if tenant.Spec.Version != "" {
			tag = tenant.Spec.Version
		}
		r, ok := gateway.ParseRelease(tag)
		if !ok || !r.Described() {
			continue
		}
		judged++
		if err := checkGateway(t, r, sentFor(t, tenant)); err != nil {
			t.Errorf("%s: %v\n%s", r, err, tenant.Spec.Config)
		}
	}
	t.Logf("%d of %d are judged", judged, *renderedSpecs)
}
