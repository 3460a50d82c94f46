package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

func TestIssuedCertificatesServeAndAreAsUpstreams(t *testing.T) {
	secrets := issued(t, "gateway.example.com", "*.example.org", "192.0.2.7", "::1")
	server, err := tls.X509KeyPair(secrets[manifests.ServerTLSName].Data[keyCertificate], secrets[manifests.ServerTLSName].Data[keyPrivateKey])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(secrets[manifests.ServerTLSName].Data[keyCA]) {
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
	client, err := parseCertificates(secrets[manifests.ClientTLSName].Data[keyCertificate])
	if err != nil {
		t.Fatal(err)
	}
	subject := client[0].Subject
	if subject.CommonName != "openshell-client" || len(subject.OrganizationalUnit) != 1 || subject.OrganizationalUnit[0] != "openshell-user" {
		t.Errorf("the client is %s", subject)
	}
	if life := client[0].NotAfter.Sub(now); life != DefaultLifetimes.Leaf {
		t.Errorf("a leaf lives %s", life)
	}
	ca, err := parseCertificates(secrets[manifests.CAName].Data[keyCertificate])
	if err != nil || !ca[0].IsCA || len(ca[0].SubjectKeyId) == 0 || string(client[0].AuthorityKeyId) != string(ca[0].SubjectKeyId) {
		t.Errorf("key identifiers do not lead from the client to its authority (%v)", err)
	}
}

func TestTokenKeysHaveUpstreamsFormat(t *testing.T) {
	keys, err := newTokenKeys(nil)
	if err != nil {
		t.Fatal(err)
	}
	signing, _ := pem.Decode(keys[keySigning])
	public, _ := pem.Decode(keys[keyPublic])
	if signing == nil || signing.Type != "PRIVATE KEY" || public == nil || public.Type != "PUBLIC KEY" {
		t.Fatalf("not PEM of PKCS#8 and SPKI: %v, %v", signing, public)
	}
	if id, err := hex.DecodeString(string(keys[keyID])); err != nil || len(id) != 16 {
		t.Errorf("kid %q is not 16 bytes in hex", keys[keyID])
	}
}

func TestStripDropsEveryPrivateKeyAndMayBeRepeated(t *testing.T) {
	once := stripped(t, issued(t, "a.example.com"))
	if diff := cmp.Diff(once, stripped(t, once)); diff != "" {
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
