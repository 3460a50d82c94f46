package e2e

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// podUID is the uid of a tenant's pod.
func podUID(t *testing.T, namespace string) types.UID {
	t.Helper()
	return get(t, &corev1.Pod{}, namespace, "openshell-gateway-0").UID
}

// TestClientsNoticeNothing does to a live tenant what happens to certificates in a tenant's life, while clients connect.
func TestClientsNoticeNothing(t *testing.T) {
	t.Parallel()
	const namespace = "clients-notice-nothing"
	rotated := func(t *testing.T, want v1alpha1.Rotated) {
		t.Helper()
		cluster.Eventually(t, 15*time.Second, func() error {
			if done := waitReady(t, namespace).Status.Rotated; done == nil || *done != want {
				return fmt.Errorf("rotated: %+v, want %+v", done, want)
			}
			return nil
		})
	}
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"one.example.com", "two.example.com", "three.example.com"}})
	waitReady(t, namespace)
	c := connect(t, namespace, listen(t, namespace))
	pod, before := podUID(t, namespace), secretsOf(t, namespace)
	samePod := func(t *testing.T) {
		t.Helper()
		if podUID(t, namespace) != pod {
			t.Error("the pod was restarted")
		}
	}

	t.Run("names 3, 4, 5", func(t *testing.T) {
		for _, name := range []string{"four.example.com", "five.example.com"} {
			change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = append(s.ServerDNSNames, name) })
			serves(t, namespace, name)
		}
		after := secretsOf(t, namespace)
		for _, name := range []string{manifests.CAName, manifests.ClientTLSName, manifests.TokenKeysName} {
			same(t, name, before, after)
		}
		if before[manifests.ServerTLSName].UID != after[manifests.ServerTLSName].UID {
			t.Error("the server's Secret is another object")
		}
		samePod(t)
		c.neverFailed(t)
	})
	t.Run("reordered", func(t *testing.T) {
		before := secretsOf(t, namespace)
		change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) {
			s.ServerDNSNames[0], s.ServerDNSNames[4] = s.ServerDNSNames[4], s.ServerDNSNames[0]
		})
		waitReady(t, namespace)
		c.neverFailed(t)
		for name, after := range secretsOf(t, namespace) {
			same(t, name, before, map[string]*corev1.Secret{name: after})
		}
		samePod(t)
	})
	t.Run("a heal", func(t *testing.T) {
		for _, name := range []string{manifests.ServerTLSName, manifests.ClientTLSName} {
			healed(t, namespace, name)
		}
		samePod(t)
		c.neverFailed(t)
	})
	t.Run("a rotation of TLS", func(t *testing.T) {
		before := secretsOf(t, namespace)
		annotate(t, namespace, v1alpha1.AnnotationRotateTLS, "2026-12")
		rotated(t, v1alpha1.Rotated{TLS: "2026-12"})
		after := secretsOf(t, namespace)
		same(t, manifests.CAName, before, after)
		same(t, manifests.TokenKeysName, before, after)
		for _, name := range []string{manifests.ServerTLSName, manifests.ClientTLSName} {
			if bytes.Equal(before[name].Data["tls.key"], after[name].Data["tls.key"]) {
				t.Errorf("Secret %s has the key it had", name)
			}
		}
		samePod(t)
		c.neverFailed(t)
	})
	t.Run("a rotation of the authority, for which the former one vouches", func(t *testing.T) {
		annotate(t, namespace, v1alpha1.AnnotationRotateCA, "2026-12")
		rotated(t, v1alpha1.Rotated{TLS: "2026-12", CA: "2026-12"})
		after := secretsOf(t, namespace)
		for _, name := range []string{manifests.ServerTLSName, manifests.ClientTLSName} {
			if authorities := bytes.Count(after[name].Data["ca.crt"], []byte("BEGIN")); authorities != 2 {
				t.Errorf("Secret %s trusts %d authorities; want the new one and the former", name, authorities)
			}
		}
		same(t, manifests.TokenKeysName, before, after)
		samePod(t)
		c.neverFailed(t)
	})
	t.Run("another one, within the former one's time", func(t *testing.T) {
		annotate(t, namespace, v1alpha1.AnnotationRotateCA, "2027-01")
		rotated(t, v1alpha1.Rotated{TLS: "2026-12", CA: "2027-01"})
		samePod(t)
		c.neverFailed(t)
	})
	t.Run("a rotation of tokens restarts once", func(t *testing.T) {
		before := secretsOf(t, namespace)
		annotate(t, namespace, v1alpha1.AnnotationRotateTokens, "2026-12")
		rotated(t, v1alpha1.Rotated{TLS: "2026-12", CA: "2027-01", Tokens: "2026-12"})
		restartedOnce(t, namespace, pod)
		after := secretsOf(t, namespace)
		for _, name := range []string{manifests.CAName, manifests.ServerTLSName, manifests.ClientTLSName} {
			same(t, name, before, after)
		}
		pod = podUID(t, namespace)
		c.neverFailed(t)
	})
	t.Run("a wildcard restarts once", func(t *testing.T) {
		change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) {
			s.ServerDNSNames = append(s.ServerDNSNames, "*.sandboxes.example.com")
		})
		serves(t, namespace, "*.sandboxes.example.com")
		restartedOnce(t, namespace, pod)
		c.neverFailed(t)
	})
}

// restartedOnce waits for a pod other than the one before, and fails the test if yet another follows.
func restartedOnce(t *testing.T, namespace string, before types.UID) {
	t.Helper()
	cluster.Eventually(t, 15*time.Second, func() error {
		pod := &corev1.Pod{}
		err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "openshell-gateway-0"}, pod)
		if err == nil && pod.UID == before {
			return errStill
		}
		return err
	})
	waitReady(t, namespace)
	after := podUID(t, namespace)
	operator.quietFor(t, 2*time.Second, statefulSetWrites(namespace))
	if podUID(t, namespace) != after {
		t.Error("the pod was restarted twice")
	}
}

func TestFormerAuthorityGoesWhenItsTimeIsOver(t *testing.T) {
	const namespace = "former-authority"
	withOptions(t, func(o *options.Options) { o.Lifetimes.Overlap = 5 * time.Second })
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	c := connectReading(t, namespace, listen(t, namespace))
	annotate(t, namespace, v1alpha1.AnnotationRotateCA, "1")
	certificates := func(want int) {
		t.Helper()
		cluster.Eventually(t, 20*time.Second, func() error {
			for _, name := range []string{manifests.ServerTLSName, manifests.ClientTLSName} {
				data := get(t, &corev1.Secret{}, namespace, name).Data
				trusted, shown := bytes.Count(data["ca.crt"], []byte("BEGIN")), bytes.Count(data["tls.crt"], []byte("BEGIN"))
				if trusted != want || shown != want {
					return fmt.Errorf("%s trusts %d authorities and shows %d certificates; want %d of each", name, trusted, shown, want)
				}
			}
			return nil
		})
	}
	certificates(2) // the former authority, and what it says for its successor
	certificates(1)
	c.neverFailed(t)
}
