package hostile

import (
	"encoding/json"
	"strings"
	"testing"

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
	const schema1, schema2, before = manifests.ConfigKey, "gateway-v2-0.toml", "of the gateway that runs"
	replaced := func(key string) manifests.Volume {
		return manifests.Volume{
			Claim: &corev1.PersistentVolumeClaim{}, Image: "i", FileKey: key, PodFileKey: key, FileKeys: []string{key}, Files: map[string]string{key: before},
		}
	}
	for _, version := range release.Supported() {
		r, _ := gateway.ParseRelease(version.String())
		if !r.Described() {
			t.Errorf("%s is supported, and nothing describes what its gateway accepts", version)
			continue
		}
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: v1alpha1.Name, UID: anyUID}}
		tenant.Spec.Image = repository + "openshell/gateway:" + r.String()
		for what, volume := range map[string]manifests.Volume{"new": {}, "after schema 1": replaced(schema1), "after schema 2": replaced(schema2)} {
			sent := sentOn(t, tenant, volume)
			if err := checkGateway(t, r, sent); err != nil {
				t.Errorf("%s, %s: %v", r, what, err)
			}
			kept := decoded[corev1.ConfigMap](t, sent, "/configmaps/"+manifests.ConfigName).Data[volume.FileKey]
			if replacesItself := volume.FileKey == schema1 && !r.ReadsSchema2(); volume.FileKey != "" && !replacesItself && kept != before {
				t.Errorf("%s, %s: the gateway that runs finds %q when it restarts", r, what, kept)
			}
		}
	}
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
