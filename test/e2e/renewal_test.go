package e2e

import (
	"bytes"
	"flag"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

var (
	renewals = flag.Duration("renewals", time.Minute, "for how long TestRenewals lets certificates be renewed")
	leafLife = flag.Duration("leaf-lifetime", 20*time.Second, "how long certificates live in TestRenewals")
)

// TestRenewals lets certificates live so shortly that many are renewed, one tenant's while its spec is rejected; the
// authority lives three times as long, and is renewed, too. The client must read its files again, since its own certificate ends, too.
func TestRenewals(t *testing.T) {
	notWithFaults(t, "a leader that lost its lease is followed later than certificates that live for seconds can wait")
	withOptions(t, func(o *options.Options) {
		o.Lifetimes = certificates.Lifetimes{Leaf: *leafLife, CA: 3 * *leafLife, Overlap: 2 * *leafLife}
	})
	tenants := []string{"renewals", "renewals-rejected"}
	pods, connected := map[string]string{}, map[string]*clients{}
	for _, namespace := range tenants {
		cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
		waitReady(t, namespace)
		pods[namespace] = string(podUID(t, namespace))
		connected[namespace] = connectReading(t, namespace, listen(t, namespace))
	}
	change(t, "renewals-rejected", func(s *v1alpha1.GatewayTenantSpec) { s.Config = "not TOML" })

	const tick = time.Second
	issued, authorities := map[string]int{}, map[string]int{}
	last := map[string][2][]byte{}
	for end := time.Now().Add(*renewals); time.Now().Before(end); time.Sleep(tick) {
		for _, namespace := range tenants {
			server := get(t, &corev1.Secret{}, namespace, manifests.ServerTLSName).Data["tls.crt"]
			ca := get(t, &corev1.Secret{}, namespace, manifests.CAName).Data["tls.crt"]
			if !bytes.Equal(last[namespace][0], server) {
				issued[namespace]++
			}
			if !bytes.Equal(last[namespace][1], ca) {
				authorities[namespace]++
			}
			last[namespace] = [2][]byte{server, ca}
		}
	}
	for _, namespace := range tenants {
		t.Logf("%s: %d certificates of %d authorities", namespace, issued[namespace], authorities[namespace])
		if least := int(*renewals / *leafLife); issued[namespace] < least {
			t.Errorf("%s: %d certificates were served, want at least %d", namespace, issued[namespace], least)
		}
		connected[namespace].neverFailed(t)
		if string(podUID(t, namespace)) != pods[namespace] {
			t.Errorf("%s: the pod was restarted", namespace)
		}
	}
}
