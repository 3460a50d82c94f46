package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const day = 24 * time.Hour

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// Another set's, of which nothing fits the one that is looked at.
var otherCA, otherLeaf, otherTokens = must(newAuthority("other", certificates.DefaultLifetimes.CA, now, nil)), must(issueOther()), must(newTokenKeys(nil))

func issueOther() (map[string][]byte, error) {
	ca, err := readAuthority(must(newAuthority("other", certificates.DefaultLifetimes.CA, now, nil)))
	if err != nil {
		return nil, err
	}
	return ca.issue(clientTemplate(), certificates.DefaultLifetimes.Leaf, now)
}

func must(data map[string][]byte, err error) map[string][]byte {
	if err != nil {
		panic(err)
	}
	return data
}

// issued is a whole set of Secrets for the names, of the GatewayTenant whose uid is "tenant".
func issued(t *testing.T, names ...string) map[string]*corev1.Secret {
	t.Helper()
	return issuedAt(t, now, names...)
}

func issuedAt(t *testing.T, at time.Time, names ...string) map[string]*corev1.Secret {
	t.Helper()
	caData := must(newAuthority("tenant-a", certificates.DefaultLifetimes.CA, at, nil))
	ca, err := readAuthority(caData)
	if err != nil {
		t.Fatal(err)
	}
	data := map[string]map[string][]byte{
		manifests.CAName:        caData,
		manifests.ServerTLSName: must(ca.issue(serverTemplate(names), certificates.DefaultLifetimes.Leaf, at)),
		manifests.ClientTLSName: must(ca.issue(clientTemplate(), certificates.DefaultLifetimes.Leaf, at)),
		manifests.TokenKeysName: must(newTokenKeys(nil)),
	}
	secrets := map[string]*corev1.Secret{}
	for name, data := range data {
		if data[format.KeyCertificate] != nil {
			data[format.KeyCA] = format.EncodeCertificates(ca.certificate)
		}
		secrets[name] = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Name: name, OwnerReferences: []metav1.OwnerReference{manifests.Owner("tenant")},
				ManagedFields: []metav1.ManagedFieldsEntry{entry(manifests.CertgenName, at, ownsOwner)},
			},
			Type: format.TypeOf(name), Data: data,
		}
	}
	return secrets
}

// transformed returns the Secrets as the operator's caches hold them.
func transformed(t *testing.T, secrets map[string]*corev1.Secret) map[string]*corev1.Secret {
	t.Helper()
	kept := map[string]*corev1.Secret{}
	for name, secret := range secrets {
		object, err := certificates.Transform(secret)
		if err != nil {
			t.Fatal(err)
		}
		kept[name] = object.(*corev1.Secret)
	}
	return kept
}

func withData(change func(data map[string][]byte)) func(*corev1.Secret) *corev1.Secret {
	return func(s *corev1.Secret) *corev1.Secret {
		change(s.Data)
		return s
	}
}

func unparsable(s *corev1.Secret) *corev1.Secret {
	s.Data[format.KeyCertificate], s.Data[format.KeySigning] = []byte("x"), []byte("x")
	return s
}

func withType(of corev1.SecretType, broken bool) func(*corev1.Secret) *corev1.Secret {
	return func(s *corev1.Secret) *corev1.Secret {
		if s.Type = of; broken {
			return unparsable(s)
		}
		return s
	}
}

func owned(by ...metav1.OwnerReference) func(*corev1.Secret) *corev1.Secret {
	return func(s *corev1.Secret) *corev1.Secret {
		s.OwnerReferences = by
		return s
	}
}

var yes = true

var stranger1 = metav1.OwnerReference{APIVersion: "cert-manager.io/v1", Kind: "Certificate", Name: "server", UID: "c", Controller: &yes}

// withLeaf makes the certificate of a leaf anew, from its own authority, for these names alone.
func withLeaf(_ string, names ...string) func(*corev1.Secret) *corev1.Secret {
	return func(s *corev1.Secret) *corev1.Secret {
		return reissue(s, now, certificates.DefaultLifetimes.Leaf, names...)
	}
}

// atAge is a Secret whose certificate has lived so many twelfths of its life.
func atAge(twelfths int) func(*corev1.Secret) *corev1.Secret {
	return func(s *corev1.Secret) *corev1.Secret {
		if s.Name == manifests.TokenKeysName {
			return s
		}
		return reissue(s, now.Add(-time.Duration(twelfths)*certificates.DefaultLifetimes.Leaf/12), certificates.DefaultLifetimes.Leaf, "a.example.com", "b.example.com")
	}
}

// reissue signs the Secret's certificate anew. Of the authority there is the certificate alone, so another takes its
// place, with an own key.
func reissue(s *corev1.Secret, at time.Time, life time.Duration, names ...string) *corev1.Secret {
	caData := must(newAuthority("tenant-a", 2*life, at, nil))
	if s.Name == manifests.CAName {
		s.Data = must(newAuthority("tenant-a", life, at, nil))
		return s
	}
	ca, err := readAuthority(caData)
	if err != nil {
		panic(err)
	}
	template := clientTemplate()
	if s.Name == manifests.ServerTLSName {
		template = serverTemplate(names)
	}
	s.Data = must(ca.issue(template, life, at))
	s.Data[format.KeyCA] = caData[format.KeyCertificate]
	return s
}

// maySign is an authority with these usages.
func maySign(usage x509.KeyUsage, extended ...x509.ExtKeyUsage) map[string][]byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: newSerial(), NotBefore: now, NotAfter: now.Add(certificates.DefaultLifetimes.CA), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: usage, ExtKeyUsage: extended,
	}
	return must(sign(template, template, key, key))
}

// TestNameThatWasTakenAwayGoes from a certificate that was issued here; one that was made elsewhere stays as it is.
func TestNameThatWasTakenAwayGoes(t *testing.T) {
	secrets := issued(t, append(manifests.AlsoServed("tenant-a"), "a.example.com", "b.example.com")...)
	for _, secret := range secrets {
		secret.Namespace = "tenant-a"
	}
	desired := certificates.Desired{Owner: "tenant", ServerNames: []string{"a.example.com"}}
	if finding := certificates.Inspect(secrets, desired, now).Finding(manifests.ServerTLSName); finding.Need != certificates.Due || finding.Message != "still carries b.example.com" {
		t.Errorf("issued here: %d, %s", finding.Need, finding)
	}
	if finding := certificates.Inspect(secrets, certificates.Desired{Owner: "tenant"}, now).Finding(manifests.ServerTLSName); finding.Need != certificates.Valid {
		t.Errorf("while the spec is rejected: %d, %s", finding.Need, finding)
	}
	delete(secrets, manifests.CAName)
	if finding := certificates.Inspect(secrets, desired, now).Finding(manifests.ServerTLSName); finding.Need != certificates.Valid {
		t.Errorf("made elsewhere: %d, %s", finding.Need, finding)
	}
}

// TestRotationStaysDoneWhenItsAuthorityIsLost: what both sides show goes on telling of it.
func TestRotationStaysDoneWhenItsAuthorityIsLost(t *testing.T) {
	secrets := issued(t, "a.example.com")
	for _, secret := range secrets {
		metav1.SetMetaDataAnnotation(&secret.ObjectMeta, format.AnnotationRotateCA, "1")
	}
	desired := certificates.Desired{Owner: "tenant", ServerNames: []string{"a.example.com"}, Rotation: manifests.Rotation{CA: "1"}}
	if is := certificates.Inspect(secrets, desired, now).Rotated.CA; is != "1" {
		t.Errorf("done was %q", is)
	}
	secrets[manifests.CAName].Data = otherCA // as certgen makes another in its place
	if is := certificates.Inspect(secrets, desired, now).Rotated.CA; is != "1" {
		t.Errorf("after the authority was lost, done was %q", is)
	}
}
