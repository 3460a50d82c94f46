package issuer

import (
	"bytes"
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// FuzzInspectReadsWhateverIsThere: anybody in a tenant's namespace may write its Secrets. Whatever is in them, it is read
// without harm, no private key is kept, and what cannot be used is not taken for whole.
func FuzzInspectReadsWhateverIsThere(f *testing.F) {
	whole := map[string]map[string][]byte{"ca": otherCA, "leaf": otherLeaf, "tokens": otherTokens}
	for _, data := range whole {
		f.Add(uint8(0), data[format.KeyCertificate], data[format.KeyPrivateKey], data[format.KeyCA], data[format.KeySigning], "")
	}
	f.Add(uint8(1), otherLeaf[format.KeyCertificate], otherLeaf[format.KeyPrivateKey], otherCA[format.KeyCertificate], []byte("-----BEGIN PRIVATE KEY-----\n"), "47c2b08c36338c43=2026-06-01T00:00:00Z")
	f.Add(uint8(2), []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), []byte(nil), []byte(nil), []byte(nil), "none")
	var others map[string]*corev1.Secret // made once: that takes long
	f.Fuzz(func(t *testing.T, which uint8, certificate, key, ca, signing []byte, former string) {
		if others == nil {
			others = transformed(t, issued(t, "a.example.com"))
		}
		secrets := maps.Clone(others)
		name := manifests.SecretNames[int(which)%len(manifests.SecretNames)]
		secrets[name] = &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "tenant-a", Annotations: map[string]string{format.AnnotationPreviousUntil: former, format.AnnotationTrustedSince: former}},
			Data:       map[string][]byte{format.KeyCertificate: certificate, format.KeyPrivateKey: key, format.KeyCA: ca, format.KeySigning: signing, format.KeyPublic: key, format.KeyID: ca},
		}
		kept := transformed(t, secrets)
		for _, value := range kept[name].Data {
			if bytes.Contains(value, []byte("PRIVATE KEY-----")) {
				t.Errorf("a private key is kept: %q", value)
			}
		}
		desired := certificates.Desired{Owner: "tenant", ServerNames: []string{"a.example.com"}}
		observed := certificates.Inspect(kept, desired, now)
		if finding := observed.Finding(name); finding.Need == certificates.Valid && len(observed.Notes) == 0 {
			t.Errorf("%s fits, has no owner, and nothing is said about it", name)
		}
	})
}
