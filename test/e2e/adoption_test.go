package e2e

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/earlier"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// upstreamSecrets are Secrets as the gateway's own generator makes them.
func upstreamSecrets(t *testing.T, namespace string) []*corev1.Secret {
	t.Helper()
	secrets, err := earlier.Secrets(namespace)
	if err != nil {
		t.Fatal(err)
	}
	return secrets
}

func encode(what string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: what, Bytes: der})
}

func encodePrivate(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return encode("PRIVATE KEY", der)
}

// TestSecretsMadeElsewhereAreTakenOver: they stay as they are until they must be issued anew. Then comes the one change
// of authority in a tenant's life.
func TestSecretsMadeElsewhereAreTakenOver(t *testing.T) {
	const namespace = "made-elsewhere"
	withOptions(t, func(o *options.Options) { o.Lifetimes.TrustDelay = mountLag + 2*time.Second })
	cluster.CreateNamespace(t, namespace)
	before := map[string]*corev1.Secret{}
	for _, secret := range upstreamSecrets(t, namespace) {
		cluster.Create(t, secret)
		before[secret.Name] = secret
	}
	cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
	tenant := waitReady(t, namespace)
	cluster.Eventually(t, 15*time.Second, func() error {
		for name, was := range before {
			is := get(t, &corev1.Secret{}, namespace, name)
			if is.UID != was.UID || !reflect.DeepEqual(is.Data, was.Data) || is.Type != was.Type {
				t.Fatalf("Secret %s is another, or its contents are", name)
			}
			if !metav1.IsControlledBy(is, tenant) {
				return fmt.Errorf("Secret %s would outlive its tenant", name)
			}
		}
		return nil
	})
	address, pod := listen(t, namespace), podUID(t, namespace)
	refreshed := connectReading(t, namespace, address)
	old, oldRoots, err := bundle(files(t, before[manifests.ClientTLSName]))
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(address, hostOf(namespace), old, oldRoots); err != nil {
		t.Fatalf("before anything changed: %v", err)
	}
	change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = []string{"gateway.example.com"} })
	serves(t, namespace, "gateway.example.com")
	refreshed.neverFailed(t)
	if podUID(t, namespace) != pod {
		t.Error("the pod was restarted")
	}
	after := secretsOf(t, namespace)
	if !reflect.DeepEqual(after[manifests.TokenKeysName].Data, before[manifests.TokenKeysName].Data) {
		t.Error("the token keys are others")
	}
	_, roots, err := bundle(files(t, after[manifests.ClientTLSName]))
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(address, hostOf(namespace), old, roots); err != nil {
		t.Errorf("the old client with a fresh ca.crt: %v", err)
	}
	if err := handshake(address, hostOf(namespace), old, oldRoots); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("the old client as it was: %v; docs/certificates.md says that it sees an unknown authority", err)
	}
}
