package hostile

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

var renderedSpecs = flag.Int("rendered", 500, "how many GatewayTenants are rendered without a control plane")

// TestRendered has the oracle judge what is rendered of generated GatewayTenants, as if the API server took all of them. An
// API server takes minutes for what this does in seconds; that what is rendered is what is sent, TestHostileTenants shows.
func TestRendered(t *testing.T) {
	platform, err := manifests.NewPlatform("", certgenImage, []string{repository}, certificates.DefaultLifetimes.Args()...)
	if err != nil {
		t.Fatal(err)
	}
	attempts, from := *renderedSpecs, max(*seed, 1)
	o, g, rendered := newOracle(), newGenerator(from, "tenant-a", []string{"tenant-b", "tenant-c"}, 3), 0
	for i := range attempts {
		if i > 0 && i%10000 == 0 {
			fmt.Fprintf(os.Stderr, "hostile: %d of %d are rendered\n", i, attempts)
		}
		attempt := g.next()
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "tenant-a", Name: v1alpha1.Name, UID: anyUID, Annotations: map[string]string{}}}
		text, err := json.Marshal(attempt.spec)
		if err != nil {
			t.Fatal(err)
		}
		if utiljson.Unmarshal(text, &tenant.Spec) != nil {
			continue // no spec at all
		}
		for name, value := range attempt.annotations {
			tenant.Annotations[name], _ = value.(string)
		}
		if _, err := manifests.NewTenant(tenant, platform); err != nil {
			continue
		}
		rendered++
		o.of("tenant-a").note(tenant.Spec, tenant.Annotations)
		for url, body := range sentFor(t, tenant) {
			if said := send(t, o, http.MethodPatch, url, applied, body); len(said) > 0 {
				t.Fatalf("%+v: %s", attempt, said)
			}
		}
	}
	if rendered < attempts/5 {
		t.Errorf("%d of %d were rendered: too few to show anything", rendered, attempts)
	}
	t.Logf("%d of %d were rendered, by the seed %d", rendered, attempts, from)
}
