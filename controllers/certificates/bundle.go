package certificates

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Keys of the Secrets, as OpenShell's own generator names them.
const (
	keyCertificate = "tls.crt"
	keyPrivateKey  = "tls.key"
	keyCA          = "ca.crt"
	keySigning     = "signing.pem" // PKCS#8
	keyPublic      = "public.pem"  // SPKI
	keyID          = "kid"         // in hex, the first 16 bytes of SHA-256 over the SPKI DER
)

// Lifetimes say how long certificates live.
type Lifetimes struct {
	// CA is the life of a certificate authority.
	CA time.Duration
	// Leaf is the life of the certificates of the gateway and its clients. They are renewed after two thirds of it.
	Leaf time.Duration
}

// DefaultLifetimes are ten years for an authority and one for a leaf.
var DefaultLifetimes = Lifetimes{CA: 10 * 365 * 24 * time.Hour, Leaf: 365 * 24 * time.Hour}

// renewAt is when a certificate has lived two thirds of its life.
func renewAt(certificate *x509.Certificate) time.Time {
	return certificate.NotAfter.Add(-certificate.NotAfter.Sub(certificate.NotBefore) / 3)
}

// parseCertificates reads all certificates of a PEM text; there must be one.
func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, errors.New("holds no certificate")
	}
	return certificates, nil
}

// chains tells whether the leaf was signed by one of the authorities. Whether they are still valid is another question.
func chains(leaf *x509.Certificate, authorities []*x509.Certificate, usage x509.ExtKeyUsage) error {
	roots := x509.NewCertPool()
	for _, authority := range authorities {
		roots.AddCert(authority)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: leaf.NotBefore, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return fmt.Errorf("does not chain to its %s: %w", keyCA, err)
	}
	return nil
}

// namesOf are the DNS names and addresses that a certificate carries, sorted, each once.
func namesOf(certificate *x509.Certificate) []string {
	names := slices.Clone(certificate.DNSNames)
	for _, ip := range certificate.IPAddresses {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			names = append(names, addr.Unmap().String())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// without are those of wanted that are not among names, in their order.
func without(wanted, names []string) []string {
	return slices.DeleteFunc(slices.Clone(wanted), func(name string) bool { return slices.Contains(names, name) })
}

// encodeCertificates is the PEM text of the certificates, each once.
func encodeCertificates(certificates ...*x509.Certificate) []byte {
	var text []byte
	for i, certificate := range certificates {
		if !slices.ContainsFunc(certificates[:i], certificate.Equal) {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
		}
	}
	return text
}
