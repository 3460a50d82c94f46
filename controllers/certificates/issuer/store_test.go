package issuer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// memory is an API server that holds the Secrets of one namespace.
type memory struct {
	corev1client.SecretInterface
	secrets map[string]*corev1.Secret
	writes  map[string]int
}

func (m *memory) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	if secret := m.secrets[name]; secret != nil {
		return secret.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(corev1.Resource("secrets"), name)
}

func (m *memory) Create(_ context.Context, secret *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	if m.secrets[secret.Name] != nil {
		return nil, apierrors.NewAlreadyExists(corev1.Resource("secrets"), secret.Name)
	}
	return m.put(secret), nil
}

func (m *memory) Update(_ context.Context, secret *corev1.Secret, _ metav1.UpdateOptions) (*corev1.Secret, error) {
	switch is := m.secrets[secret.Name]; {
	case is == nil:
		return nil, apierrors.NewNotFound(corev1.Resource("secrets"), secret.Name)
	case is.ResourceVersion != secret.ResourceVersion:
		return nil, apierrors.NewConflict(corev1.Resource("secrets"), secret.Name, nil)
	}
	return m.put(secret), nil
}

func (m *memory) put(secret *corev1.Secret) *corev1.Secret {
	m.writes[secret.Name]++
	secret = secret.DeepCopy()
	secret.Namespace, secret.ResourceVersion = "tenant-a", fmt.Sprint(secret.Name, m.writes[secret.Name])
	m.secrets[secret.Name] = secret
	return secret.DeepCopy()
}

// tenants is an API server that holds the GatewayTenant of one namespace.
type tenants struct {
	metadata.ResourceInterface
	tenant *metav1.PartialObjectMetadata // nil if it does not exist
	err    error                         // what a read returns, unless it is nil
	reads  int
}

func newTenants(uid types.UID) *tenants {
	return &tenants{tenant: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: "tenant-a", UID: uid}}}
}

func (t *tenants) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (*metav1.PartialObjectMetadata, error) {
	t.reads++
	if t.err == nil && (t.tenant == nil || t.tenant.Name != name) {
		return nil, apierrors.NewNotFound(gatewayTenants.GroupResource(), name)
	}
	return t.tenant, t.err
}

var gatewayTenants = v1alpha1.GroupVersion.WithResource("gatewaytenants")

// converges runs certgen over the Secrets, and returns what it left.
func converges(t *testing.T, secrets map[string]*corev1.Secret, desired certificates.Desired, at time.Time) (*memory, error) {
	t.Helper()
	m := &memory{secrets: map[string]*corev1.Secret{}, writes: map[string]int{}}
	for name, secret := range secrets {
		m.secrets[name] = secret.DeepCopy()
	}
	lifetimes := certificates.DefaultLifetimes
	lifetimes.TrustDelay = 0
	request := Request{Desired: desired, Namespace: "tenant-a", Lifetimes: lifetimes, Tenants: newTenants(desired.Owner)}
	_, err := Converge(t.Context(), m, request, at)
	return m, err
}

// desiredState returns the desired state of the tests' tenant, with the names that issued gives to it.
func desiredState(names ...string) certificates.Desired {
	return certificates.Desired{Owner: "tenant", ServerNames: append([]string{"a.example.com"}, names...)}
}

// corporate is a CA of a user, with its key.
type corporate struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newCorporate(t *testing.T, name string, from, until time.Time) corporate {
	t.Helper()
	return newCorporateOf(t, pkix.Name{CommonName: name, Organization: []string{"Example Corp"}}, from, until)
}

func newCorporateOf(t *testing.T, name pkix.Name, from, until time.Time) corporate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: newSerial(), Subject: name, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	certificates, err := format.ParseCertificates(must(sign(template, template, key, key))[format.KeyCertificate])
	if err != nil {
		t.Fatal(err)
	}
	return corporate{certificates[0], key}
}

// issue makes the data of a TLS Secret.
func (c corporate) issue(subject string, from, until time.Time, names ...string) map[string][]byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := serverTemplate(names)
	template.Subject, template.SerialNumber = pkix.Name{CommonName: subject}, newSerial()
	template.NotBefore, template.NotAfter, template.ExtKeyUsage = from, until, nil
	data := must(sign(template, c.certificate, key, c.key))
	data[format.KeyCA] = format.EncodeDER(c.certificate.Raw)
	return data
}

// corporateSecrets are TLS Secrets that a corporate CA issued for the names, and no others.
func corporateSecrets(t *testing.T, names ...string) map[string]*corev1.Secret {
	t.Helper()
	ca := newCorporate(t, "Example Root", now.Add(-day), now.Add(3650*day))
	secrets := map[string]*corev1.Secret{}
	for name, data := range map[string]map[string][]byte{
		manifests.ServerTLSName: ca.issue("gateway", now.Add(-70*day), now.Add(20*day), names...),
		manifests.ClientTLSName: ca.issue("client", now.Add(-70*day), now.Add(20*day)),
	} {
		secrets[name] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "tenant-a"}, Type: corev1.SecretTypeTLS, Data: data}
	}
	return secrets
}
