package issuer

import (
	"bytes"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestFullCABundleBlocks: nothing of it is dropped to make room for the tenant's CA. What needs no room goes on.
func TestFullCABundleBlocks(t *testing.T) {
	secrets := issued(t, "a.example.com")
	for _, name := range format.TLSNames {
		secrets[name].Data[format.KeyCA] = append(secrets[name].Data[format.KeyCA], roots(t, format.MaxCAs-1)...)
	}
	before := secrets[manifests.ClientTLSName].Data[format.KeyCA]
	for _, c := range []struct {
		rotation manifests.Rotation
		blocked  bool
	}{{manifests.Rotation{TLS: "1"}, false}, {manifests.Rotation{TLS: "1", CA: "1"}, true}} {
		desired := desiredState()
		desired.Rotation = c.rotation
		after, err := converges(t, secrets, desired, now)
		if err != nil {
			t.Fatal(err)
		}
		observed := certificates.Inspect(transformed(t, after.secrets), desired, now)
		if finding := observed.Finding(manifests.CAName); c.blocked != strings.Contains(finding.Blocked, "has no room for another CA") || observed.NeedsCertgen() {
			t.Errorf("%+v: %+v", c.rotation, observed.Findings)
		}
		if after.writes[manifests.CAName] > 0 {
			t.Errorf("%+v: the CA was replaced", c.rotation)
		}
		if is := after.secrets[manifests.ClientTLSName].Data[format.KeyCA]; len(blocksIn(is)) != len(blocksIn(before)) {
			t.Errorf("%+v: ca.crt had %d certificates and has %d", c.rotation, len(blocksIn(before)), len(blocksIn(is)))
		}
		secrets = after.secrets
	}
}

// TestWhatUsersAddToASecretStays when it is issued again: keys, labels and annotations.
func TestWhatUsersAddToASecretStays(t *testing.T) {
	secrets := issued(t, "a.example.com")
	for _, secret := range secrets {
		secret.Data["keystore.p12"] = []byte("x")
		secret.Labels, secret.Annotations = map[string]string{"team": "a"}, map[string]string{"note": "b"}
	}
	desired := desiredState()
	desired.Rotation = manifests.Rotation{TLS: "1", CA: "1", Tokens: "1"}
	after, err := converges(t, secrets, desired, now)
	if err != nil {
		t.Fatal(err)
	}
	for name, is := range after.secrets {
		if after.writes[name] == 0 || string(is.Data["keystore.p12"]) != "x" || is.Labels["team"] != "a" || is.Annotations["note"] != "b" {
			t.Errorf("Secret %s was written %d times: %v, %v", name, after.writes[name], is.ObjectMeta, len(is.Data))
		}
		if owner := metav1.GetControllerOf(is); owner == nil || owner.UID != "tenant" {
			t.Errorf("Secret %s has the owners %v", name, is.OwnerReferences)
		}
	}
}

// TestHostileBundleCostsLittle: a user of one namespace cannot keep the operator busy.
func TestHostileBundleCostsLittle(t *testing.T) {
	leaf := format.EncodeDER(must(issueOther())[format.KeyCertificate])
	for what, text := range map[string][]byte{
		"beginnings":            bytes.Repeat([]byte("-----BEGIN CERTIFICATE-----\n"), format.MaxCABytes/28),
		"beginnings and an end": append(bytes.Repeat([]byte("-----BEGIN CERTIFICATE-----\n"), format.MaxCABytes/28-10), "-----END CERTIFICATE-----\n"...),
		"small blocks":          bytes.Repeat(format.EncodeDER([]byte("x")), format.MaxCABytes/60),
		"line feeds":            append(bytes.Repeat([]byte("\n"), format.MaxCABytes-len(leaf)), leaf...),
		"copies of one":         bytes.Repeat(otherCA[format.KeyCertificate], format.MaxCAs-1),
	} {
		secrets := issued(t, "a.example.com")
		for _, name := range format.TLSNames {
			secrets[name].Data[format.KeyCA] = append(secrets[name].Data[format.KeyCA][:0:0], text...)
		}
		took := time.Hour
		for range 3 { // the shortest of them: the machine may be busy
			began := time.Now()
			certificates.Inspect(transformed(t, secrets), desiredState(), now)
			took = min(took, time.Since(began))
		}
		if took > 500*time.Millisecond {
			t.Errorf("%s: %s", what, took)
		} else {
			t.Logf("%s: %s", what, took)
		}
	}
}
