package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// issued is a whole set of Secrets for the names.
func issued(t *testing.T, names ...string) map[string]*corev1.Secret {
	t.Helper()
	ca, caData, err := newAuthority("tenant-a", DefaultLifetimes.CA, now)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]*corev1.Secret{}
	add := func(name string, data map[string][]byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if data[keyCertificate] != nil {
			data[keyCA] = encodeCertificates(ca.certificate)
		}
		secrets[name] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
	}
	add(manifests.CAName, caData, nil)
	data, err := ca.issue(serverTemplate(names), DefaultLifetimes.Leaf, now)
	add(manifests.ServerTLSName, data, err)
	data, err = ca.issue(clientTemplate(), DefaultLifetimes.Leaf, now)
	add(manifests.ClientTLSName, data, err)
	data, err = newTokenKeys()
	add(manifests.TokenKeysName, data, err)
	return secrets
}

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
	keys, err := newTokenKeys()
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

func TestInspect(t *testing.T) {
	names := []string{"a.example.com", "b.example.com"}
	for _, c := range []struct {
		what   string
		change func(secrets map[string]*corev1.Secret)
		at     time.Time
		lacks  []string
	}{
		{"all fits", func(map[string]*corev1.Secret) {}, now, nil},
		{"one is missing", func(s map[string]*corev1.Secret) { delete(s, manifests.TokenKeysName) }, now, []string{"Secret openshell-gateway-jwt-keys is missing"}},
		{"a name is missing", func(s map[string]*corev1.Secret) {
			s[manifests.ServerTLSName] = issued(t, "a.example.com")[manifests.ServerTLSName]
		}, now,
			[]string{"Secret openshell-server-tls: the certificate lacks the name b.example.com"}},
		{"unreadable", func(s map[string]*corev1.Secret) { s[manifests.ClientTLSName].Data[keyCertificate] = []byte("x") }, now,
			[]string{"Secret openshell-client-tls: tls.crt holds no certificate"}},
		{"of another authority", func(s map[string]*corev1.Secret) {
			s[manifests.ServerTLSName].Data[keyCA] = issued(t, names...)[manifests.CAName].Data[keyCertificate]
		}, now, []string{"Secret openshell-server-tls: tls.crt does not chain to its ca.crt: x509: certificate signed by unknown authority"}},
		{"just before two thirds of its life", func(map[string]*corev1.Secret) {}, now.Add(DefaultLifetimes.Leaf*2/3 - time.Hour), nil},
		{"after two thirds of its life", func(map[string]*corev1.Secret) {}, now.Add(DefaultLifetimes.Leaf * 2 / 3),
			[]string{"Secret openshell-server-tls: the certificate is due for renewal", "Secret openshell-client-tls: the certificate is due for renewal"}},
	} {
		secrets := issued(t, names...)
		c.change(secrets)
		for name, secret := range secrets {
			stripped, err := Strip(secret)
			if err != nil {
				t.Fatal(err)
			}
			secrets[name] = stripped.(*corev1.Secret)
		}
		if diff := cmp.Diff(c.lacks, Inspect(secrets, names, c.at).Lacks); diff != "" {
			t.Errorf("%s: %s", c.what, diff)
		}
	}
}

func TestStripDropsEveryPrivateKey(t *testing.T) {
	for name, secret := range issued(t, "a.example.com") {
		stripped, err := Strip(secret)
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range stripped.(*corev1.Secret).Data {
			if block, _ := pem.Decode(value); block != nil && block.Type != "CERTIFICATE" {
				t.Errorf("%s keeps %s, a %s", name, key, block.Type)
			}
		}
	}
}
