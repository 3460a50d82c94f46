package issuer

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestOneSideOfAnotherIssuer: the tenant's own side trusts it, also if it is issued later; what would need the other
// side to trust the tenant's CA is refused.
func TestOneSideOfAnotherIssuer(t *testing.T) {
	for _, name := range format.TLSNames {
		corporate := marked(corporateSecrets(t, "a.example.com"), nil, map[string]string{"cert-manager.io/certificate-name": "x"})[name]
		other := manifests.ClientTLSName
		if name == other {
			other = manifests.ServerTLSName
		}

		secrets := issued(t, "a.example.com")
		secrets[name] = corporate
		after, err := converges(t, secrets, desiredState(), now)
		if err != nil {
			t.Fatal(err)
		}
		if !trusts(t, after.secrets[other], corporate.Data[format.KeyCA]) {
			t.Errorf("Secret %s does not trust the issuer of %s", other, name)
		}
		observed := certificates.Inspect(transformed(t, after.secrets), desiredState(), now)
		if finding := observed.Finding(name); observed.NeedsCertgen() || len(observed.Findings) != 1 || finding.Need != certificates.Invalid || finding.Blocked == "" || !strings.Contains(finding.Message, "add the CA of the latter") {
			t.Errorf("%s, which does not trust the tenant's CA: left: %v; noted: %v", name, observed.Findings, observed.Notes)
		}

		delete(secrets, other)
		after, err = converges(t, secrets, desiredState(), now)
		if err != nil {
			t.Fatal(err)
		}
		finding := certificates.Inspect(transformed(t, after.secrets), desiredState(), now).Finding(other)
		if after.secrets[other] != nil || finding.Need != certificates.Missing || finding.HandOver != name || !strings.Contains(finding.Blocked, "is written by cert-manager") {
			t.Errorf("without %s: %+v", other, finding)
		}

		corporate.Data[format.KeyCA] = append(corporate.Data[format.KeyCA], secrets[manifests.CAName].Data[format.KeyCertificate]...) // a user lets it trust both
		after, err = converges(t, secrets, desiredState(), now)
		if err != nil {
			t.Fatal(err)
		}
		if observed := certificates.Inspect(transformed(t, after.secrets), desiredState(), now); after.secrets[other] == nil || len(observed.Findings) > 0 || len(observed.Notes) != 1 {
			t.Errorf("without %s, which would be trusted: %v; noted: %v", other, observed.Findings, observed.Notes)
		}
	}
}

// TestCAOfAUser issues while it fits, is not owned, and is not replaced.
func TestCAOfAUser(t *testing.T) {
	fits, expired := newCorporate(t, "Example Intermediate", now.Add(-day), now.Add(3650*day)), newCorporate(t, "Example Intermediate", now.Add(-2*day), now.Add(-day))
	for _, ca := range []corporate{fits, expired} {
		key, err := encodeKey(ca.key)
		if err != nil {
			t.Fatal(err)
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: manifests.CAName}, Type: corev1.SecretTypeTLS, Data: map[string][]byte{format.KeyCertificate: format.EncodeDER(ca.certificate.Raw), format.KeyPrivateKey: key}}
		after, err := converges(t, map[string]*corev1.Secret{secret.Name: secret}, desiredState(), now)
		if err != nil {
			t.Fatal(err)
		}
		observed := certificates.Inspect(transformed(t, after.secrets), desiredState(), now)
		if after.writes[secret.Name] > 0 {
			t.Error("the user's CA was written")
		}
		if ca.certificate.Equal(fits.certificate) != (len(observed.Findings) == 0) {
			t.Errorf("found: %v", observed.Findings)
		}
		if ca.certificate.Equal(expired.certificate) && (observed.Finding(secret.Name).HandOver != secret.Name || observed.Finding(manifests.ServerTLSName).HandOver != secret.Name || observed.NeedsCertgen()) {
			t.Errorf("found: %+v", observed.Findings)
		}
	}
}

// trusts reports whether a Secret's ca.crt has all of these certificates.
func trusts(t *testing.T, secret *corev1.Secret, authorities []byte) bool {
	t.Helper()
	if secret == nil {
		return false
	}
	return len(format.CertificateBlocks(authorities, 1)) > 0 && strings.Contains(string(secret.Data[format.KeyCA]), strings.TrimSpace(string(authorities)))
}
