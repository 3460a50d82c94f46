package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// secretsOf are a tenant's four Secrets, by name.
func secretsOf(t *testing.T, namespace string) map[string]*corev1.Secret {
	t.Helper()
	secrets := map[string]*corev1.Secret{}
	for _, name := range manifests.SecretNames {
		secrets[name] = get(t, &corev1.Secret{}, namespace, name)
	}
	return secrets
}

// same fails the test unless the Secret is the same object with the same contents.
func same(t *testing.T, name string, before, after map[string]*corev1.Secret) {
	t.Helper()
	if before[name].UID != after[name].UID || before[name].ResourceVersion != after[name].ResourceVersion {
		t.Errorf("Secret %s was written", name)
	}
}

func TestNewServerNameReissuesTheServersCertificateAlone(t *testing.T) {
	const namespace = "new-server-name"
	makeTenant(t, namespace, v1alpha1.GatewayTenantSpec{ServerDNSNames: []string{"one.example.com", "two.example.com"}})
	waitReady(t, namespace)
	before := secretsOf(t, namespace)
	pod := get(t, &corev1.Pod{}, namespace, "openshell-gateway-0")
	for _, name := range []string{"three.example.com", "four.example.com"} {
		change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = append(s.ServerDNSNames, name) })
		eventually(t, 15*time.Second, func() error {
			if served := waitReady(t, namespace).Status.ServerDNSNames; !slices.Contains(served, name) {
				return fmt.Errorf("the certificate carries %v", served)
			}
			return nil
		})
	}
	after := secretsOf(t, namespace)
	for _, name := range []string{manifests.CAName, manifests.ClientTLSName, manifests.TokenKeysName} {
		same(t, name, before, after)
	}
	if old, changed := before[manifests.ServerTLSName], after[manifests.ServerTLSName]; old.UID != changed.UID || bytes.Equal(old.Data["tls.crt"], changed.Data["tls.crt"]) || !bytes.Equal(old.Data["ca.crt"], changed.Data["ca.crt"]) {
		t.Error("the server's Secret must be the same object with another certificate of the same authority")
	}
	if get(t, &corev1.Pod{}, namespace, pod.Name).UID != pod.UID {
		t.Error("the pod was restarted")
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { slices.Reverse(s.ServerDNSNames) })
	waitReady(t, namespace)
	time.Sleep(time.Second) // a Job would have been made by now
	same(t, manifests.ServerTLSName, after, secretsOf(t, namespace))
}

func TestMissingSecretIsMadeAgainAndTheOthersStay(t *testing.T) {
	const namespace = "missing-secret"
	makeTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
	waitReady(t, namespace)
	for _, name := range []string{manifests.ServerTLSName, manifests.ClientTLSName, manifests.TokenKeysName} {
		before := secretsOf(t, namespace)
		if err := admin.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}}); err != nil {
			t.Fatal(err)
		}
		eventually(t, 15*time.Second, func() error {
			list := &corev1.SecretList{}
			if err := admin.List(t.Context(), list); err != nil {
				return err
			}
			if !slices.ContainsFunc(list.Items, func(s corev1.Secret) bool {
				return s.Namespace == namespace && s.Name == name && s.UID != before[name].UID
			}) {
				return fmt.Errorf("secret %s is not there again", name)
			}
			return nil
		})
		waitReady(t, namespace)
		after := secretsOf(t, namespace)
		for _, other := range manifests.SecretNames {
			if other != name {
				same(t, other, before, after)
			}
		}
	}
}
