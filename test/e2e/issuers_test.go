package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// corporateSecrets are TLS Secrets of a user's CA, for the names that a gateway has without a spec.
func corporateSecrets(t *testing.T, namespace string) []*corev1.Secret {
	t.Helper()
	sign := func(subject string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: subject}, NotBefore: time.Now().Add(-70 * 24 * time.Hour), NotAfter: time.Now().Add(20 * 24 * time.Hour),
			BasicConstraintsValid: true, IsCA: parent == nil, DNSNames: []string{"openshell-gateway", hostOf(namespace), hostOf(namespace) + ".cluster.local", "localhost"},
		}
		if parent == nil {
			parent, parentKey = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return certificate, key
	}
	ca, caKey := sign("Example Root", nil, nil)
	var secrets []*corev1.Secret
	for _, name := range []string{manifests.ServerTLSName, manifests.ClientTLSName} {
		certificate, key := sign(name, ca, caKey)
		secrets = append(secrets, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Type: corev1.SecretTypeTLS,
			Data: map[string][]byte{"tls.crt": encode("CERTIFICATE", certificate.Raw), "tls.key": encodePrivate(t, key), "ca.crt": encode("CERTIFICATE", ca.Raw)},
		})
	}
	return secrets
}

// TestSecretsOfAnotherIssuerAreUsedAndLeftAlone, those with cert-manager's marks and those of which nothing tells where
// they come from; a name that they lack is not added until they are handed over.
func TestSecretsOfAnotherIssuerAreUsedAndLeftAlone(t *testing.T) {
	withOptions(t, func(o *options.Options) { o.Lifetimes.TrustDelay = mountLag + 2*time.Second })
	for namespace, mark := range map[string]func(*corev1.Secret){
		"of-cert-manager": func(s *corev1.Secret) {
			s.Labels = map[string]string{"controller.cert-manager.io/fao": "true"}
			s.Annotations = map[string]string{"cert-manager.io/certificate-name": s.Name, "cert-manager.io/issuer-name": "corporate"}
		},
		"of-a-user": func(*corev1.Secret) {},
	} {
		t.Run(namespace, func(t *testing.T) {
			t.Parallel()
			cluster.CreateNamespace(t, namespace)
			before := map[string]*corev1.Secret{}
			for _, secret := range corporateSecrets(t, namespace) {
				mark(secret)
				cluster.Create(t, secret)
				before[secret.Name] = secret
			}
			untouched := func() {
				t.Helper()
				for name, secret := range before {
					is := get(t, &corev1.Secret{}, namespace, name)
					if is.ResourceVersion != secret.ResourceVersion || len(is.OwnerReferences) > 0 {
						t.Errorf("Secret %s was written; its owners: %v", name, is.OwnerReferences)
					}
				}
			}
			cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
			tenant := waitReady(t, namespace)
			if message := messageOf(tenant, v1alpha1.ConditionCertificatesReady); !strings.Contains(message, "Secret "+manifests.ServerTLSName) {
				t.Errorf("CertificatesReady: %s", message)
			}
			certificate, roots, err := bundle(files(t, before[manifests.ClientTLSName]))
			if err != nil {
				t.Fatal(err)
			}
			if err := handshake(listen(t, namespace), hostOf(namespace), certificate, roots); err != nil {
				t.Error(err)
			}
			untouched()

			change(t, namespace, func(s *v1alpha1.GatewayTenantSpec) { s.ServerDNSNames = []string{"gateway.example.com"} })
			tenant = waitCondition(t, namespace, v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonSecretBlocked)
			message := messageOf(tenant, v1alpha1.ConditionCertificatesReady)
			if !strings.Contains(message, "lacks gateway.example.com") || !strings.Contains(message, "kubectl annotate secret "+manifests.ServerTLSName) {
				t.Errorf("CertificatesReady: %s", message)
			}
			operator.quietFor(t, 5*time.Second, writesTo(namespace)) // It starts no certgen Job.
			untouched()

			for name := range before {
				secret := get(t, &corev1.Secret{}, namespace, name)
				metav1.SetMetaDataAnnotation(&secret.ObjectMeta, v1alpha1.AnnotationHandOver, v1alpha1.HandOverToOperator)
				if err := admin.Update(t.Context(), secret); err != nil {
					t.Fatal(err)
				}
			}
			serves(t, namespace, "gateway.example.com")
			for name := range before {
				if is := get(t, &corev1.Secret{}, namespace, name); !metav1.IsControlledBy(is, tenant) || is.Annotations[v1alpha1.AnnotationHandOver] != "" || is.Labels["controller.cert-manager.io/fao"] != "" {
					t.Errorf("after it was handed over, Secret %s is %+v", name, is.ObjectMeta)
				}
			}
		})
	}
}

// TestSetWithoutOwnersIsTakenOver after its GatewayTenant was deleted without it, and after a restore that keeps neither
// owners nor managed fields.
func TestSetWithoutOwnersIsTakenOver(t *testing.T) {
	t.Parallel()
	for namespace, policy := range map[string]metav1.DeletionPropagation{"orphaned-set": metav1.DeletePropagationOrphan, "restored-set": metav1.DeletePropagationForeground} {
		t.Run(namespace, func(t *testing.T) {
			cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{})
			tenant := waitReady(t, namespace)
			before := secretsOf(t, namespace)
			if err := admin.Delete(t.Context(), tenant, client.PropagationPolicy(policy)); err != nil {
				t.Fatal(err)
			}
			cluster.Eventually(t, 30*time.Second, func() error {
				if admin.Get(t.Context(), client.ObjectKeyFromObject(tenant), tenant) == nil {
					return errStill
				}
				left := present(t, namespace, false)
				for name := range before {
					if secret := left[name]; secret != nil && (policy != metav1.DeletePropagationOrphan || len(secret.OwnerReferences) > 0) {
						return fmt.Errorf("secret %s is still there", name)
					}
				}
				return nil
			})
			for name, secret := range before {
				if policy == metav1.DeletePropagationOrphan {
					break
				}
				restored := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: secret.Labels, Annotations: secret.Annotations}, Type: secret.Type, Data: secret.Data}
				if err := admin.Create(t.Context(), restored, client.FieldOwner("velero-server")); err != nil {
					t.Fatal(err)
				}
			}
			cluster.Create(t, operatortest.Tenant(namespace, v1alpha1.GatewayTenantSpec{}))
			tenant = waitReady(t, namespace)
			cluster.Eventually(t, 15*time.Second, func() error {
				for name, is := range secretsOf(t, namespace) {
					if !reflect.DeepEqual(is.Data, before[name].Data) {
						t.Fatalf("Secret %s was issued again", name)
					}
					if !metav1.IsControlledBy(is, tenant) {
						return fmt.Errorf("secret %s would outlive its tenant", name)
					}
				}
				return nil
			})
		})
	}
}

// TestCertificateThatAnotherManagerReplaced is the other manager's from then on, also if an earlier release had written it.
func TestCertificateThatAnotherManagerReplaced(t *testing.T) {
	t.Parallel()
	for _, earlier := range []bool{false, true} {
		namespace := fmt.Sprint("replaced-certificate-", earlier)
		t.Run(namespace, func(t *testing.T) { replacedCertificate(t, namespace, earlier) })
	}
}

func replacedCertificate(t *testing.T, namespace string, earlier bool) {
	t.Helper()
	request := requestFor(t, namespace)
	if err := converge(t.Context(), t, request); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // The times in managedFields are in whole seconds.
	for _, made := range corporateSecrets(t, namespace) {
		secret := get(t, &corev1.Secret{}, namespace, made.Name)
		if earlier {
			delete(secret.Annotations, "openshell.ambient-code.io/managed-content")
		}
		secret.Data = made.Data
		if err := admin.Update(t.Context(), secret, client.FieldOwner("corporate-sync")); err != nil {
			t.Fatal(err)
		}
	}
	before := secretsOf(t, namespace)
	request.Rotation.TLS = "1"
	if err := converge(t.Context(), t, request); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{manifests.ServerTLSName, manifests.ClientTLSName} {
		if is := get(t, &corev1.Secret{}, namespace, name); !reflect.DeepEqual(is.Data, before[name].Data) || len(is.OwnerReferences) > 0 {
			t.Errorf("Secret %s was written, or has the owners %v", name, is.OwnerReferences)
		}
	}
	notes := ""
	if seen := certificates.Inspect(present(t, namespace, true), request.Desired, time.Now()); seen.NeedsCertgen() {
		t.Errorf("found: %v", seen.Findings)
	} else {
		notes = strings.Join(seen.Notes, "; ")
	}
	if want := "written by the field manager corporate-sync"; !strings.Contains(notes, want) {
		t.Errorf("noted: %s; want %s", notes, want)
	}
}
