package issuer

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestIssuedCertificatesServeAndAreAsUpstreams(t *testing.T) {
	secrets := issued(t, "gateway.example.com", "*.example.org", "192.0.2.7", "::1")
	server, err := tls.X509KeyPair(secrets[manifests.ServerTLSName].Data[format.KeyCertificate], secrets[manifests.ServerTLSName].Data[format.KeyPrivateKey])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(secrets[manifests.ServerTLSName].Data[format.KeyCA]) {
		t.Fatal("no authority in ca.crt")
	}
	for _, name := range []string{"gateway.example.com", "any.example.org", "192.0.2.7", "::1"} {
		if _, err := server.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: now}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := server.Leaf.Verify(x509.VerifyOptions{DNSName: "other.example.com", Roots: roots, CurrentTime: now}); err == nil {
		t.Error("a name that was not asked for is served")
	}
	client, err := format.ParseCertificates(secrets[manifests.ClientTLSName].Data[format.KeyCertificate])
	if err != nil {
		t.Fatal(err)
	}
	subject := client[0].Subject
	if subject.CommonName != "openshell-client" || len(subject.OrganizationalUnit) != 1 || subject.OrganizationalUnit[0] != "openshell-user" {
		t.Errorf("the client is %s", subject)
	}
	if life := client[0].NotAfter.Sub(now); life != certificates.DefaultLifetimes.Leaf {
		t.Errorf("a leaf lives %s", life)
	}
	ca, err := format.ParseCertificates(secrets[manifests.CAName].Data[format.KeyCertificate])
	if err != nil || !ca[0].IsCA || len(ca[0].SubjectKeyId) == 0 || string(client[0].AuthorityKeyId) != string(ca[0].SubjectKeyId) {
		t.Errorf("key identifiers do not lead from the client to its authority (%v)", err)
	}
}

func TestTokenKeysHaveUpstreamsFormat(t *testing.T) {
	keys, err := newTokenKeys(nil)
	if err != nil {
		t.Fatal(err)
	}
	signing, _ := pem.Decode(keys[format.KeySigning])
	public, _ := pem.Decode(keys[format.KeyPublic])
	if signing == nil || signing.Type != "PRIVATE KEY" || public == nil || public.Type != "PUBLIC KEY" {
		t.Fatalf("not PEM of PKCS#8 and SPKI: %v, %v", signing, public)
	}
	if id, err := hex.DecodeString(string(keys[format.KeyID])); err != nil || len(id) != 16 {
		t.Errorf("kid %q is not 16 bytes in hex", keys[format.KeyID])
	}
}

func TestStripDropsAKeyBesideACertificateAndNeverReadsWhatIsHuge(t *testing.T) {
	secret := issued(t, "a.example.com")[manifests.ServerTLSName]
	for _, key := range []string{format.KeyCertificate, format.KeyCA} {
		secret.Data[key] = append(secret.Data[key], secret.Data[format.KeyPrivateKey]...)
	}
	kept := transformed(t, map[string]*corev1.Secret{secret.Name: secret})[secret.Name]
	for key, value := range kept.Data {
		if bytes.Contains(value, []byte("PRIVATE")) {
			t.Errorf("%s keeps a private key", key)
		}
	}
	secret.Data[format.KeyCertificate] = bytes.Repeat(secret.Data[format.KeyCertificate], 100)
	if kept := transformed(t, map[string]*corev1.Secret{secret.Name: secret})[secret.Name]; len(kept.Data[format.KeyCertificate]) > 0 {
		t.Errorf("%d bytes of certificates are kept", len(kept.Data[format.KeyCertificate]))
	}
	if _, err := format.ParseCertificates(bytes.Repeat(must(issueOther())[format.KeyCertificate], format.MaxCertificates+1)); err == nil {
		t.Error("any number of certificates is read")
	}
}

func TestWildcardsCoverNames(t *testing.T) {
	secrets := issued(t, "*.example.com", "192.0.2.7")
	for name, covered := range map[string]bool{
		"a.example.com": true, "*.example.com": true, "192.0.2.7": true, "a.b.example.com": false, "*.b.example.com": false, "example.com": false, "192.0.2.8": false,
	} {
		need := certificates.Inspect(transformed(t, secrets), certificates.Desired{Owner: "tenant", ServerNames: []string{name}}, now).Finding(manifests.ServerTLSName).Need
		if (need < certificates.Invalid) != covered { // what is covered may be due, for the names that nobody asks for
			t.Errorf("%s: need %d, covered: want %v", name, need, covered)
		}
	}
}

func TestEndOfAnAuthorityIsTheEndOfWhatItSigned(t *testing.T) {
	secrets := issued(t, "a.example.com")
	caData := must(newAuthority("short", 90*day, now, nil))
	ca, err := readAuthority(caData)
	if err != nil {
		t.Fatal(err)
	}
	long := *ca.certificate
	long.NotAfter = now.Add(certificates.DefaultLifetimes.CA)
	secrets[manifests.ClientTLSName].Data = must((authority{certificate: &long, key: ca.key}).issue(clientTemplate(), certificates.DefaultLifetimes.Leaf, now))
	secrets[manifests.ClientTLSName].Data[format.KeyCA] = caData[format.KeyCertificate]
	desired := certificates.Desired{Owner: "tenant", ServerNames: []string{"a.example.com"}}
	observed := certificates.Inspect(transformed(t, secrets), desired, now)
	if !observed.NotAfter.Equal(now.Add(90 * day)) {
		t.Errorf("the certificates end at %s", observed.NotAfter)
	}
	if due := certificates.Inspect(transformed(t, secrets), desired, now.Add(61*day)).Finding(manifests.ClientTLSName).Need; due != certificates.Due {
		t.Errorf("after two thirds of its authority's life: need %d", due)
	}
}

func TestStripDropsEveryPrivateKeyAndMayBeRepeated(t *testing.T) {
	once := transformed(t, issued(t, "a.example.com"))
	if diff := cmp.Diff(once, transformed(t, once)); diff != "" {
		t.Errorf("a resync strips what was stripped, and it changes: %s", diff)
	}
	for name, secret := range once {
		for key, value := range secret.Data {
			if block, _ := pem.Decode(value); block != nil && block.Type != "CERTIFICATE" {
				t.Errorf("%s keeps %s, a %s", name, key, block.Type)
			}
		}
	}
}
