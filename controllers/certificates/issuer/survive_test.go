package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestSecretsThatAnEarlierCertgenRenewedStayManaged covers a rollback: an earlier certgen renews without updating the
// annotation that names the content, which it does not know.
func TestSecretsThatAnEarlierCertgenRenewedStayManaged(t *testing.T) {
	is, err := converges(t, nil, desiredState(), now)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := converges(t, nil, desiredState(), now)
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range is.secrets {
		fields := ownsPair
		if name == manifests.TokenKeysName {
			fields = `{"f:data":{".":{},"f:kid":{},"f:public.pem":{},"f:signing.pem":{}}}`
		}
		secret.Data = renewed.secrets[name].Data
		secret.ManagedFields = []metav1.ManagedFieldsEntry{entry(manifests.CertgenName, now, fields)}
	}
	if observed := certificates.Inspect(transformed(t, is.secrets), desiredState(), now); len(observed.Findings)+len(observed.Notes) > 0 {
		t.Errorf("found %v, noted %v", observed.Findings, observed.Notes)
	}
}

// issuingCA returns a corporate root that names its own key as its authority, as OpenSSL's defaults do, and the Secret of
// an issuing CA below it, with its chain.
func issuingCA(t *testing.T) (root corporate, secret *corev1.Secret) {
	t.Helper()
	ca := func(name string, id []byte, issuer *corporate) corporate {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: newSerial(), Subject: pkix.Name{CommonName: name, Organization: []string{"Example Corp"}}, NotBefore: now.Add(-day), NotAfter: now.Add(3650 * day),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: id, AuthorityKeyId: id,
		}
		parent, parentKey := template, key
		if issuer != nil {
			parent, parentKey = issuer.certificate, issuer.key
		}
		found, err := format.ParseCertificates(must(sign(template, parent, key, parentKey))[format.KeyCertificate])
		if err != nil {
			t.Fatal(err)
		}
		return corporate{found[0], key}
	}
	root = ca("Example Root", []byte{9, 9}, nil)
	issuing := ca("Example Issuing CA", []byte{1, 2, 3}, &root)
	key, err := encodeKey(issuing.key)
	if err != nil {
		t.Fatal(err)
	}
	return root, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: manifests.CAName, Namespace: "tenant-a"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{format.KeyCertificate: format.EncodeCertificates(issuing.certificate, root.certificate), format.KeyPrivateKey: key},
	}
}

// TestRootAboveTheUsersCAStays: the chain in the Secret of a user's CA is not taken for cross-certificates.
func TestRootAboveTheUsersCAStays(t *testing.T) {
	root, ca := issuingCA(t)
	is, err := converges(t, map[string]*corev1.Secret{manifests.CAName: ca}, desiredState(), now)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range format.TLSNames {
		is.secrets[name].Data[format.KeyCA] = append(is.secrets[name].Data[format.KeyCA], format.EncodeDER(root.certificate.Raw)...)
	}
	desired := desiredState()
	desired.Rotation.TLS = "1"
	for _, at := range []time.Time{now, now.Add(certificates.DefaultLifetimes.Overlap + time.Hour)} {
		if is, err = converges(t, is.secrets, desired, at); err != nil {
			t.Fatal(err)
		}
		if !trusts(t, is.secrets[manifests.ServerTLSName], format.EncodeDER(root.certificate.Raw)) {
			t.Errorf("at %s, the root that a user added is gone", at)
		}
	}
}

// TestClientThatTrustsTheRootAloneIsNotTakenToTrustTheIssuingCA, whose certificate the gateway does not show.
func TestClientThatTrustsTheRootAloneIsNotTakenToTrustTheIssuingCA(t *testing.T) {
	root, ca := issuingCA(t)
	client := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: manifests.ClientTLSName, Namespace: "tenant-a", Labels: map[string]string{"controller.cert-manager.io/fao": "true"}},
		Type:       corev1.SecretTypeTLS, Data: root.issue("client", now.Add(-day), now.Add(300*day)),
	}
	is, err := converges(t, map[string]*corev1.Secret{manifests.CAName: ca, manifests.ClientTLSName: client}, desiredState(), now)
	if err != nil {
		t.Fatal(err)
	}
	finding := certificates.Inspect(transformed(t, is.secrets), desiredState(), now).Finding(manifests.ServerTLSName)
	if is.secrets[manifests.ServerTLSName] != nil || finding.Need != certificates.Missing || finding.Blocked == "" {
		t.Errorf("the server's Secret is issued, or not blocked: %s", finding)
	}
}

func TestCAOfAnotherTenantThatAUserAddedStays(t *testing.T) {
	is, err := converges(t, nil, desiredState(), now)
	if err != nil {
		t.Fatal(err)
	}
	desired := desiredState()
	desired.Rotation.CA = "1" // from now on, ends of previous CAs are noted
	if is, err = converges(t, is.secrets, desired, now); err != nil {
		t.Fatal(err)
	}
	server := is.secrets[manifests.ServerTLSName]
	server.Data[format.KeyCA] = append(server.Data[format.KeyCA], otherCA[format.KeyCertificate]...)
	for _, at := range []time.Time{now.Add(time.Minute), now.Add(certificates.DefaultLifetimes.Overlap + time.Hour)} {
		if is, err = converges(t, is.secrets, desired, at); err != nil {
			t.Fatal(err)
		}
		if !trusts(t, is.secrets[manifests.ServerTLSName], otherCA[format.KeyCertificate]) {
			t.Errorf("at %s, the CA is gone", at)
		}
	}
}

// TestPreviousCAStaysWhileAnotherIssuersSideNeedsIt: certgen cannot add the present CA to a Secret that it does not manage.
func TestPreviousCAStaysWhileAnotherIssuersSideNeedsIt(t *testing.T) {
	for _, name := range format.TLSNames {
		is, err := converges(t, nil, desiredState(), now)
		if err != nil {
			t.Fatal(err)
		}
		foreign := marked(corporateSecrets(t, "a.example.com"), map[string]string{"controller.cert-manager.io/fao": "true"}, nil)[name]
		foreign.Data = newCorporate(t, "Example Root", now.Add(-day), now.Add(3650*day)).issue("x", now.Add(-day), now.Add(3000*day), "a.example.com", "openshell-gateway.tenant-a.svc.cluster.local")
		foreign.Data[format.KeyCA] = append(foreign.Data[format.KeyCA], is.secrets[manifests.CAName].Data[format.KeyCertificate]...)
		is.secrets[name] = foreign
		desired := desiredState()
		for _, step := range []struct {
			rotation string
			at       time.Time
		}{{"", now}, {"1", now}, {"1", now.Add(certificates.DefaultLifetimes.Overlap + time.Hour)}} {
			desired.Rotation.CA = step.rotation
			if is, err = converges(t, is.secrets, desired, step.at); err != nil {
				t.Fatal(err)
			}
			if observed := certificates.Inspect(transformed(t, is.secrets), desired, step.at); len(observed.Findings) > 0 || len(observed.Notes) != 1 {
				t.Errorf("%s, rotation %q at %s: found %v, noted %v", name, step.rotation, step.at, observed.Findings, observed.Notes)
			}
		}
	}
}

// TestOwnerThatAUserSetsOnAnUnknownSecretStays: certgen does not write what it does not manage.
func TestOwnerThatAUserSetsOnAnUnknownSecretStays(t *testing.T) {
	owner := manifests.Owner("tenant")
	owner.Controller = nil
	secrets := corporateSecrets(t, "a.example.com")
	for _, secret := range secrets {
		secret.OwnerReferences = []metav1.OwnerReference{owner}
	}
	if observed := certificates.Inspect(transformed(t, secrets), desiredState(), now); observed.Finding(manifests.ServerTLSName).Need != certificates.Valid || observed.Finding(manifests.ClientTLSName).Need != certificates.Valid {
		t.Errorf("found %v", observed.Findings)
	}
}

// TestClocksMayDifferByLessThanTheBackdating, or what is issued would not be valid yet.
func TestClocksMayDifferByLessThanTheBackdating(t *testing.T) {
	for difference, refused := range map[time.Duration]bool{
		0: false, 4 * time.Minute: false, -4 * time.Minute: false, 5 * time.Minute: true, 5*time.Minute + 29*time.Second: true, -6 * time.Minute: true,
	} {
		if err := (&Clock{difference: difference}).check(); (err != nil) != refused {
			t.Errorf("%s: %v", difference, err)
		}
	}
}
