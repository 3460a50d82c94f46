package issuer

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// negative is a certificate whose serial number is negative, which Go does not read.
func negative(t *testing.T) []byte {
	t.Helper()
	block, _ := pem.Decode(otherCA[format.KeyCertificate])
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	serial := certificate.SerialNumber.Bytes()
	at := bytes.Index(block.Bytes, serial)
	if serial[0] >= 0x80 { // then a zero before it makes it positive
		at--
	}
	block.Bytes[at] |= 0x80
	if _, err := x509.ParseCertificate(block.Bytes); err == nil {
		t.Fatal("Go reads a negative serial number")
	}
	return pem.EncodeToMemory(block)
}

// roots are CA certificates of users.
func roots(t *testing.T, n int) []byte {
	t.Helper()
	var text []byte
	for i := range n {
		text = append(text, format.EncodeDER(newCorporate(t, fmt.Sprint("Root ", i), now.Add(-day), now.Add(3650*day)).certificate.Raw)...)
	}
	return text
}

// odd are things that users put into a ca.crt in addition to a CA that is needed.
func odd(t *testing.T) map[string]func(ca []byte) []byte {
	t.Helper()
	return map[string]func(ca []byte) []byte{
		"another root": func(ca []byte) []byte { return append(roots(t, 1), ca...) },
		"an expired root": func(ca []byte) []byte {
			return append(format.EncodeDER(newCorporate(t, "old", now.Add(-2*day), now.Add(-day)).certificate.Raw), ca...)
		},
		"a negative serial number": func(ca []byte) []byte { return append(negative(t), ca...) },
		"garbage in a block":       func(ca []byte) []byte { return append(format.EncodeDER([]byte("x")), ca...) },
		"text between blocks":      func(ca []byte) []byte { return append([]byte("# a root\n\nSubject: x\n"), ca...) },
		"a trusted certificate": func(ca []byte) []byte {
			return append(pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: []byte("x")}), ca...)
		},
		"CRLF": func(ca []byte) []byte { return bytes.ReplaceAll(ca, []byte("\n"), []byte("\r\n")) },
		"a byte order mark before another root": func(ca []byte) []byte {
			return slices.Concat([]byte(format.ByteOrderMark), roots(t, 1), ca)
		},
		"a bundle of 144 roots": func(ca []byte) []byte { return append(roots(t, 144), ca...) },
		"a bundle of 300 roots": func(ca []byte) []byte { return append(ca, roots(t, 300)...) },
	}
}

// blocksIn are the blocks of a PEM text, each as one text.
func blocksIn(text []byte) []string {
	var all []string
	for _, block := range format.CertificateBlocks(text, 1000) {
		all = append(all, block.Type+string(block.Bytes))
	}
	return all
}

// TestOddThingsInACABundle do no harm: the Secret fits as it is, whatever its origin, and what a user added is still there
// after everything was issued again.
func TestOddThingsInACABundle(t *testing.T) {
	for what, add := range odd(t) {
		t.Run(what, func(t *testing.T) {
			for _, issuer := range []func() map[string]*corev1.Secret{
				func() map[string]*corev1.Secret { return issued(t, "a.example.com") },
				func() map[string]*corev1.Secret { return corporateSecrets(t, "a.example.com") },
			} {
				secrets := issuer()
				for _, name := range format.TLSNames {
					secrets[name].Data[format.KeyCA] = add(secrets[name].Data[format.KeyCA])
				}
				observed := certificates.Inspect(transformed(t, secrets), desiredState(), now)
				for _, name := range format.TLSNames {
					if finding := observed.Finding(name); finding.Need != certificates.Valid {
						t.Errorf("%+v", finding)
					}
				}
				if secrets[manifests.CAName] == nil {
					continue
				}
				before := map[string][]byte{}
				for _, name := range format.TLSNames {
					before[name] = secrets[name].Data[format.KeyCA]
				}
				for _, rotation := range []manifests.Rotation{{TLS: "1"}, {TLS: "1", CA: "1"}, {TLS: "2", CA: "1"}} {
					desired := desiredState()
					desired.Rotation = rotation
					after, err := converges(t, secrets, desired, now)
					if err != nil {
						t.Fatal(err)
					}
					secrets = after.secrets
				}
				for _, name := range format.TLSNames {
					after := blocksIn(secrets[name].Data[format.KeyCA])
					for _, block := range blocksIn(before[name]) {
						if !slices.Contains(after, block) {
							t.Errorf("Secret %s lost a certificate of its ca.crt", name)
							break
						}
					}
				}
			}
		})
	}
}

// TestUsersRootStaysWhenTheOverlapIsOver, and the tenant's previous CA goes.
func TestUsersRootStaysWhenTheOverlapIsOver(t *testing.T) {
	secrets := issued(t, "a.example.com")
	previous, root := secrets[manifests.CAName].Data[format.KeyCertificate], roots(t, 1)
	secrets[manifests.ClientTLSName].Data[format.KeyCA] = append(secrets[manifests.ClientTLSName].Data[format.KeyCA], root...)
	desired := desiredState()
	desired.Rotation.CA = "1"
	after, err := converges(t, secrets, desired, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{previous, root} {
		if !trusts(t, after.secrets[manifests.ClientTLSName], text) {
			t.Error("something was dropped within the overlap")
		}
	}
	later := now.Add(certificates.DefaultLifetimes.Overlap + time.Hour)
	if need := certificates.Inspect(transformed(t, after.secrets), desired, later).Finding(manifests.ClientTLSName).Need; need != certificates.Due {
		t.Errorf("after the overlap: need %d", need)
	}
	if after, err = converges(t, after.secrets, desired, later); err != nil {
		t.Fatal(err)
	}
	if client := after.secrets[manifests.ClientTLSName]; trusts(t, client, previous) || !trusts(t, client, root) {
		t.Errorf("the previous CA is trusted: %v; the user's root: %v", trusts(t, client, previous), trusts(t, client, root))
	}
	if observed := certificates.Inspect(transformed(t, after.secrets), desired, later); len(observed.Findings) > 0 {
		t.Errorf("left: %v", observed.Findings)
	}
}

// TestUnusableSecretsOfUsers are refused with the reason and never overwritten.
func TestUnusableSecretsOfUsers(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(data map[string][]byte)
		why    string
	}{
		{"without ca.crt", func(data map[string][]byte) { delete(data, format.KeyCA) }, "has no certificate in ca.crt"},
		{"with an empty ca.crt", func(data map[string][]byte) { data[format.KeyCA] = nil }, "has no certificate in ca.crt"},
		{"the root first in tls.crt", func(data map[string][]byte) {
			data[format.KeyCertificate] = append(bytes.Clone(data[format.KeyCA]), data[format.KeyCertificate]...)
		},
			"tls.crt must begin with the certificate of tls.key"},
		{"an encrypted key", func(data map[string][]byte) {
			data[format.KeyPrivateKey] = pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
		}, "tls.key is encrypted"},
		{"an encrypted key of OpenSSL's older format", func(data map[string][]byte) {
			data[format.KeyPrivateKey] = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("x")})
		}, "tls.key is encrypted"},
		{"another key", func(data map[string][]byte) { data[format.KeyPrivateKey] = otherLeaf[format.KeyPrivateKey] }, "private key does not match"},
		{"a byte order mark before tls.crt", func(data map[string][]byte) {
			data[format.KeyCertificate] = append([]byte(format.ByteOrderMark), data[format.KeyCertificate]...)
		}, "byte order mark"},
		{"a byte order mark before ca.crt", func(data map[string][]byte) {
			data[format.KeyCA] = append([]byte(format.ByteOrderMark), data[format.KeyCA]...)
		}, "has a ca.crt that begins with a byte order mark"},
		{"a leaf that cannot be read", func(data map[string][]byte) { data[format.KeyCertificate] = negative(t) }, "holds no certificate that can be read"},
		{"a leaf that cannot be read before one that can", func(data map[string][]byte) {
			data[format.KeyCertificate] = append(negative(t), data[format.KeyCertificate]...)
		}, "begins with a certificate that cannot be read"},
		{"another CA", func(data map[string][]byte) { data[format.KeyCA] = otherCA[format.KeyCertificate] }, "does not chain to its ca.crt"},
		{"only CAs that cannot be read", func(data map[string][]byte) { data[format.KeyCA] = negative(t) }, "has a ca.crt that holds no certificate that can be read"},
		{"a ca.crt beyond the bound", func(data map[string][]byte) { data[format.KeyCA] = bytes.Repeat(data[format.KeyCA], 401) }, "has a ca.crt that"},
		{"a huge ca.crt", func(data map[string][]byte) {
			data[format.KeyCA] = append(data[format.KeyCA], make([]byte, format.MaxCABytes)...)
		}, "is longer than 524288 bytes"},
	} {
		secrets := corporateSecrets(t, "a.example.com")
		for _, name := range format.TLSNames {
			c.change(secrets[name].Data)
		}
		after, err := converges(t, secrets, desiredState(), now)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		observed := certificates.Inspect(transformed(t, after.secrets), desiredState(), now)
		for _, name := range format.TLSNames {
			if !reflect.DeepEqual(after.secrets[name], secrets[name]) {
				t.Errorf("%s: Secret %s was written", c.what, name)
			}
			if finding := observed.Finding(name); finding.Need != certificates.Invalid || finding.HandOver != name || !strings.Contains(finding.String(), c.why) {
				t.Errorf("%s: %+v; want %q", c.what, finding, c.why)
			}
		}
		if observed.NeedsCertgen() {
			t.Errorf("%s: there is work", c.what)
		}
	}
}

// TestByteOrderMarkThatHidesTheTenantsCA is removed: gateways and clients read PEM as strictly as Go.
func TestByteOrderMarkThatHidesTheTenantsCA(t *testing.T) {
	secrets := issued(t, "a.example.com")
	for _, name := range format.TLSNames {
		secrets[name].Data[format.KeyCA] = append([]byte(format.ByteOrderMark), secrets[name].Data[format.KeyCA]...)
	}
	if handshake(secrets[manifests.ServerTLSName], secrets[manifests.ClientTLSName], now) == nil {
		t.Error("a strict reader finds the CA")
	}
	after, err := converges(t, secrets, desiredState(), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(after.secrets[manifests.ServerTLSName], after.secrets[manifests.ClientTLSName], now); err != nil || after.writes[manifests.CAName] > 0 {
		t.Errorf("after the writes %v: %v", after.writes, err)
	}
}
