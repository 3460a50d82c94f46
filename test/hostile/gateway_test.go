package hostile

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// TestEachReleaseAcceptsItsDefaults holds the gateway.toml that is rendered for each release against what a gateway of the
// release accepts. The two are written independently.
func TestEachReleaseAcceptsItsDefaults(t *testing.T) {
	for release := gateway.Oldest; release <= gateway.Newest; release++ {
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: v1alpha1.Name, UID: anyUID}}
		tenant.Spec.Image = repository + "openshell/gateway:" + release.String()
		if _, err := gateway.Parse(release, "gateway.toml", configOf(t, sentFor(t, tenant))); err != nil {
			t.Errorf("%s: %v", release, err)
		}
	}
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
			return []byte(config.Data[manifests.ConfigKey])
		}
	}
	t.Fatal("no gateway.toml is rendered")
	return nil
}
