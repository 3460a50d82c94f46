package certificates

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
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

// Bounds of what is read at all. Whoever may write Secrets in one namespace must not be able to keep the operator, which
// serves all of them, busy with a certificate.
const (
	mostBytes        = 64 << 10
	mostKeyBytes     = 8 << 10 // an RSA key of 8192 bits has 6.4 KiB
	mostCertificates = 32
	mostRSABits      = 8192
)

// parseCertificates reads all certificates of a PEM text; there must be one.
func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	if len(text) > mostBytes {
		return nil, fmt.Errorf("is longer than %d bytes", mostBytes)
	}
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
		if key, is := certificate.PublicKey.(*rsa.PublicKey); is && key.N.BitLen() > mostRSABits {
			return nil, fmt.Errorf("has an RSA key of more than %d bits", mostRSABits)
		}
		if len(certificates) == mostCertificates {
			return nil, fmt.Errorf("has more than %d certificates", mostCertificates)
		}
		certificates = append(certificates, certificate)
	}
	if len(certificates) == 0 {
		return nil, errors.New("holds no certificate")
	}
	return certificates, nil
}

// chains finds out until when a certificate leads, over the intermediates beside it, to one of the authorities.
func chains(leaf *x509.Certificate, between, authorities []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) (until time.Time, err error) {
	found, err := leaf.Verify(x509.VerifyOptions{
		Roots: pool(authorities), Intermediates: pool(between), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if invalid, is := errors.AsType[x509.CertificateInvalidError](err); is && invalid.Reason == x509.Expired {
		return until, errors.New("is not valid yet, or has an authority that is not or no longer") // its own words have the time in them
	}
	if err != nil {
		return until, fmt.Errorf("does not chain to its %s: %w", keyCA, err)
	}
	for _, chain := range found {
		end := leaf.NotAfter
		for _, certificate := range chain {
			end = earliest(end, certificate.NotAfter)
		}
		if end.After(until) {
			until = end
		}
	}
	return until, nil
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

// uncovered are those of the names that a certificate is not good for, in their order. A wildcard covers what it covers.
func uncovered(certificate *x509.Certificate, names []string) []string {
	carried := namesOf(certificate)
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.Contains(carried, name) || !strings.HasPrefix(name, "*.") && certificate.VerifyHostname(name) == nil
	})
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

// Lacking are those of wanted that a certificate which carries names is not good for, in their order.
func Lacking(carried, wanted []string) []string {
	certificate := &x509.Certificate{}
	for _, name := range carried {
		if addr, err := netip.ParseAddr(name); err == nil {
			certificate.IPAddresses = append(certificate.IPAddresses, addr.AsSlice())
		} else {
			certificate.DNSNames = append(certificate.DNSNames, name)
		}
	}
	return uncovered(certificate, wanted)
}
