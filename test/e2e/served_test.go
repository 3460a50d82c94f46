package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestNewNameIsReportedWhenTheGatewayServesIt: a kubelet takes a while to update a mounted Secret, so a certificate that was
// issued is not the one that is served. A pod that starts later mounts the new one from the start.
func TestNewNameIsReportedWhenTheGatewayServesIt(t *testing.T) {
	const namespace, name, delay = "served-names", "new.example.com", 6 * time.Second
	withOptions(t, func(o *options.Options) { o.Lifetimes.TrustDelay = delay })
	started := time.Now()
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"old.example.com"}})
	waitReady(t, namespace)
	if took := time.Since(started); took > delay {
		t.Errorf("a new tenant is Ready after %s, so it waits for the kubelet", took)
	}
	reported := func() *v1alpha1.GatewayTenant {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		if slices.Contains(tenant.Status.ServerDNSNames, name) {
			return tenant
		}
		return nil
	}

	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = []string{"old.example.com", name} })
	cluster.Eventually(t, 15*time.Second, func() error {
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, v1alpha1.Name)
		ready := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady)
		if ready.Reason != "Distributing" || ready.Status != metav1.ConditionFalse {
			return fmt.Errorf("Ready says %+v", ready)
		}
		if !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionCertificatesReady) {
			t.Errorf("the certificate is issued, and the conditions are %+v", tenant.Status.Conditions)
		}
		return nil
	})
	if reported() != nil {
		t.Error("the new name is reported before the gateway serves it")
	}
	stored := time.Time{}
	for _, entry := range get(t, &corev1.Secret{}, namespace, manifests.ServerTLSName).ManagedFields {
		if entry.Time.After(stored) {
			stored = entry.Time.Time
		}
	}
	cluster.Eventually(t, 2*delay, func() error {
		tenant := reported()
		if tenant == nil || !meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady) {
			return fmt.Errorf("it is not Ready with the new name")
		}
		return nil
	})
	if early := time.Until(stored.Add(delay)); early > 0 {
		t.Errorf("it is Ready with the new name %s too early", early)
	}

	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = []string{"old.example.com"} })
	cluster.Eventually(t, 15*time.Second, func() error {
		if names := namesServed(t, namespace); slices.Contains(names, name) {
			return fmt.Errorf("the certificate carries %v", names)
		}
		return nil
	})
	if tenant := waitReady(t, namespace); !slices.Contains(tenant.Status.ServerDNSNames, name) {
		t.Error("a name that the gateway still serves is no longer reported")
	}
	time.Sleep(1100 * time.Millisecond) // The times of objects are in whole seconds.
	if err := admin.Delete(t.Context(), get(t, &corev1.Pod{}, namespace, manifests.PodName)); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, delay-2*time.Second, func() error {
		if reported() != nil {
			return fmt.Errorf("the name is still reported although the pod has started with the new certificate")
		}
		return nil
	})
}

// namesServed returns the names in the certificate of the Secret.
func namesServed(t *testing.T, namespace string) []string {
	t.Helper()
	certificate, _, err := bundle(files(t, get(t, &corev1.Secret{}, namespace, manifests.ServerTLSName)))
	if err != nil {
		t.Fatal(err)
	}
	return certificate.Leaf.DNSNames
}
