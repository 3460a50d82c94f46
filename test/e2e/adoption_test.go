package e2e

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// upstreamSecrets are Secrets as the gateway's own generator makes them: the same authority's name in every tenant and
// its key thrown away, no key identifiers, no usages, valid from 1975 to 4096.
func upstreamSecrets(t *testing.T, namespace string) []*corev1.Secret {
	t.Helper()
	caKey, ca := upstreamCertificate(t, pkix.Name{CommonName: "openshell-ca", Organization: []string{"openshell"}}, nil, nil, nil)
	serverKey, server := upstreamCertificate(t, pkix.Name{CommonName: "openshell-server"},
		[]string{"openshell-gateway", "openshell-gateway." + namespace + ".svc", "openshell-gateway." + namespace + ".svc.cluster.local", "localhost"}, ca, caKey)
	clientKey, client := upstreamCertificate(t, pkix.Name{CommonName: "openshell-client", OrganizationalUnit: []string{"openshell-user"}}, nil, ca, caKey)
	secret := func(name string, secretType corev1.SecretType, data map[string][]byte) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Type: secretType, Data: data}
	}
	tls := func(name string, key *ecdsa.PrivateKey, certificate *x509.Certificate) *corev1.Secret {
		return secret(name, corev1.SecretTypeTLS, map[string][]byte{
			"tls.crt": encode("CERTIFICATE", certificate.Raw), "tls.key": encodePrivate(t, key), "ca.crt": encode("CERTIFICATE", ca.Raw),
		})
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	id := sha256.Sum256(spki)
	return []*corev1.Secret{
		tls(manifests.ServerTLSName, serverKey, server), tls(manifests.ClientTLSName, clientKey, client),
		secret(manifests.TokenKeysName, corev1.SecretTypeOpaque, map[string][]byte{
			"signing.pem": encodePrivate(t, private), "public.pem": encode("PUBLIC KEY", spki), "kid": []byte(hex.EncodeToString(id[:16])),
		}),
	}
}

// upstreamCertificate makes a leaf or, without an authority, the authority.
func upstreamCertificate(t *testing.T, subject pkix.Name, names []string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: subject, DNSNames: names,
		NotBefore: time.Date(1975, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(4096, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if ca == nil { // Go would add a key identifier if it were told that this is an authority
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}}
		ca, caKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil || len(certificate.SubjectKeyId)+len(certificate.AuthorityKeyId) > 0 {
		t.Fatal("there must be no key identifiers", err)
	}
	return key, certificate
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
	withOptions(t, func(o *controllers.Options) { o.Lifetimes.TrustDelay = mountLag + 2*time.Second })
	makeNamespace(t, namespace)
	before := map[string]*corev1.Secret{}
	for _, secret := range upstreamSecrets(t, namespace) {
		create(t, secret)
		before[secret.Name] = secret
	}
	create(t, tenantWith(namespace, v1alpha1.GatewayTenantSpec{}))
	tenant := waitReady(t, namespace)
	eventually(t, 15*time.Second, func() error {
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
