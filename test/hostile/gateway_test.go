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

// TestEachReleaseAcceptsItsDefaults holds the gateway.toml that is rendered for each release against what a gateway of the
// release accepts. The two are written independently.
func TestEachReleaseAcceptsItsDefaults(t *testing.T) {
	for _, version := range release.Supported() {
		r, _ := gateway.ParseRelease(version.String())
		if !r.Described() {
			t.Errorf("%s is supported, and nothing describes what its gateway accepts", version)
			continue
		}
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: v1alpha1.Name, UID: anyUID}}
		tenant.Spec.Image = repository + "openshell/gateway:" + r.String()
		if _, err := gateway.Parse(r, "gateway.toml", configOf(t, sentFor(t, tenant))); err != nil {
			t.Errorf("%s: %v", r, err)
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
		config := configOf(t, sentFor(t, tenant))
		if _, err := gateway.Parse(r, "gateway.toml", config); err != nil {
			t.Errorf("%s: %v\n%s", r, err, tenant.Spec.Config)
		}
	}
	t.Logf("%d of %d are judged", judged, *renderedSpecs)
}

// configOf returns the gateway.toml among rendered objects.
func configOf(t *testing.T, sent map[string]string) []byte {
	t.Helper()
	for url, body := range sent {
		if strings.HasSuffix(url, "/configmaps/"+manifests.ConfigName) {
			var config corev1.ConfigMap
			if err := json.Unmarshal([]byte(body), &config); err != nil {
				t.Fatal(err)
			}
			if len(config.Data) != 1 {
				t.Fatalf("a new gateway has %d files", len(config.Data))
			}
			for _, text := range config.Data {
				return []byte(text)
			}
		}
	}
	t.Fatal("no gateway.toml is rendered")
	return nil
}
