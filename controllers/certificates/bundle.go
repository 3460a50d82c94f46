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
			return nil, fmt.Errorf("cannot be read: %w", err)
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, errors.New("holds no certificate")
	}
	return certificates, nil
}

// chains tells whether a certificate leads, over the intermediates beside it, to one of the authorities, and whether a
// chain of which nothing has expired does.
func chains(leaf *x509.Certificate, between, authorities []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) error {
	found, err := leaf.Verify(x509.VerifyOptions{
		Roots: pool(authorities), Intermediates: pool(between),
		CurrentTime: leaf.NotBefore, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return fmt.Errorf("does not chain to its %s: %w", keyCA, err)
	}
	for _, chain := range found {
		if !slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return !now.Before(c.NotAfter) }) {
			return nil
		}
	}
	return errors.New("has an authority that has expired")
}

func pool(certificates []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, certificate := range certificates {
		pool.AddCert(certificate)
	}
	return pool
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
			text = append(text, encodeDER(certificate.Raw)...)
		}
	}
	return text
}

func encodeDER(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
