package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
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

// TestAnySecretsAreMadeAgainAndTheOthersStay deletes each set of a tenant's Secrets that there can be.
func TestAnySecretsAreMadeAgainAndTheOthersStay(t *testing.T) {
	withOptions(t, func(o *options.Options) { o.Lifetimes.TrustDelay = certificates.DefaultLifetimes.TrustDelay }) // clients read nothing again
	for set := 1; set < 1<<len(manifests.SecretNames); set++ {
		namespace := fmt.Sprint("missing-secrets-", set)
		cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
		var names []string
		for i, name := range manifests.SecretNames {
			if set&(1<<i) != 0 {
				names = append(names, name)
			}
		}
		t.Run(strings.Join(names, " "), func(t *testing.T) { losesAndHeals(t, namespace, names) })
	}
}

func losesAndHeals(t *testing.T, namespace string, lost []string) {
	t.Helper()
	t.Parallel() // each has a tenant of its own
	waitReady(t, namespace)
	address, before := listen(t, namespace), secretsOf(t, namespace)
	healed(t, namespace, lost...)
	after := secretsOf(t, namespace)
	caLost := slices.Contains(lost, manifests.CAName)
	for _, name := range manifests.SecretNames {
		if !slices.Contains(lost, name) && (!caLost || len(lost) == 1) {
			same(t, name, before, after)
		}
	}
	if caLost && slices.Contains(lost, manifests.ServerTLSName) {
		return // what the former authority signed went with it
	}
	// The clients' old files are still good on both sides, and so are the present ones.
	for _, secret := range []*corev1.Secret{before[manifests.ClientTLSName], after[manifests.ClientTLSName]} {
		certificate, roots, err := bundle(files(t, secret))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // listen reads a changed Secret within 300 ms.
		if err := handshake(address, "openshell-gateway", certificate, roots); err != nil {
			t.Error(err)
		}
	}
}

// serves waits until the certificate carries a name.
func serves(t *testing.T, namespace, name string) {
	t.Helper()
	cluster.Eventually(t, 15*time.Second, func() error {
		if served := waitReady(t, namespace).Status.ServerDNSNames; !slices.Contains(served, name) {
			return fmt.Errorf("the certificate carries %v", served)
		}
		return nil
	})
}

// healed deletes Secrets and waits until they are there again, as others.
func healed(t *testing.T, namespace string, names ...string) {
	t.Helper()
	before := secretsOf(t, namespace)
	for _, name := range names {
		if err := admin.Delete(t.Context(), before[name]); err != nil {
			t.Fatal(err)
		}
	}
	cluster.Eventually(t, 15*time.Second, func() error {
		for _, name := range names {
			secret := &corev1.Secret{}
			if err := admin.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
				return err
			}
			if secret.UID == before[name].UID {
				return fmt.Errorf("secret %s is the deleted one", name)
			}
		}
		return nil
	})
	waitReady(t, namespace)
}
