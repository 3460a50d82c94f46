package certificates

import (
	"bytes"
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

// Bounds of what is read. A user who may write Secrets in one namespace must not be able to keep the operator, which
// serves all namespaces, busy with a certificate.
const (
	mostBytes            = 64 << 10  // of a tls.crt
	mostAuthorityBytes   = 512 << 10 // of a ca.crt: room for a corporate bundle of about 300 roots
	mostKeyBytes         = 8 << 10   // an RSA key of 8192 bits has 6.4 KiB
	mostCertificates     = 32        // in a tls.crt
	mostAuthorities      = 400       // in a ca.crt
	mostRSABits          = 8192
	roomForOneAuthority  = 4 << 10 // a ca.crt with less room than this is full
	mostPreviousCAs      = 32      // that are trusted in addition to the present one; another rotation waits
	certificateBlock     = "CERTIFICATE"
	byteOrderMark        = "\xef\xbb\xbf"
	reasonNoCertificates = "holds no certificate that can be read"
)

// bundle is the content of a PEM text with certificates.
type bundle struct {
	certificates []*x509.Certificate // those that can be read, in their order
	unreadable   []byte              // the blocks of certificates that cannot be read, as PEM
	firstErr     error               // why the first certificate cannot be read
}

// readBundle reads the certificates of a PEM text and skips those that cannot be read. It fails if the text exceeds a
// bound or if no certificate is left.
func readBundle(text []byte, mostBytes, mostCertificates int) (bundle, error) {
	var b bundle
	if len(text) > mostBytes {
		return b, fmt.Errorf("is longer than %d bytes", mostBytes)
	}
	for i, block := range certificateBlocks(text, mostCertificates+1) {
		if i == mostCertificates {
			return bundle{}, fmt.Errorf("has more than %d certificates", mostCertificates)
		}
		certificate, err := parseCertificate(block)
		if err != nil {
			if i == 0 {
				b.firstErr = err
			}
			b.unreadable = append(b.unreadable, pem.EncodeToMemory(block)...)
			continue
		}
		b.certificates = append(b.certificates, certificate)
	}
	switch {
	case len(b.certificates) > 0:
		return b, nil
	case b.firstErr != nil:
		return b, fmt.Errorf("%s: %w", reasonNoCertificates, b.firstErr)
	}
	return b, errors.New(reasonNoCertificates)
}

func parseCertificate(block *pem.Block) (*x509.Certificate, error) {
	if block.Type != certificateBlock {
		return nil, fmt.Errorf("it is a %s", block.Type)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if key, is := certificate.PublicKey.(*rsa.PublicKey); is && key.N.BitLen() > mostRSABits {
		return nil, fmt.Errorf("it has an RSA key of more than %d bits", mostRSABits)
	}
	return certificate, nil
}

// certificateBlocks returns the first blocks of a PEM text, at most so many, that are a certificate in some encoding, such
// as OpenSSL's trusted certificates. A byte order mark, with which some editors begin a file, would hide the first block.
func certificateBlocks(text []byte, most int) []*pem.Block {
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	var blocks []*pem.Block
	for len(blocks) < most {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type == certificateBlock || strings.HasSuffix(block.Type, " "+certificateBlock) {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// parseCertificates reads a tls.crt: a certificate, which must be readable, and the intermediates after it.
func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	b, err := readBundle(text, mostBytes, mostCertificates)
	if err == nil && b.firstErr != nil {
		err = fmt.Errorf("begins with a certificate that cannot be read: %w", b.firstErr)
	}
	if err != nil {
		return nil, err
	}
	return b.certificates, nil
}

// parseAuthorities reads a ca.crt.
func parseAuthorities(text []byte) (bundle, error) {
	return readBundle(text, mostAuthorityBytes, mostAuthorities)
}

// chains returns until when a certificate leads, through the intermediates, to one of the authorities.
func chains(leaf *x509.Certificate, between, authorities []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) (until time.Time, err error) {
	found, err := leaf.Verify(x509.VerifyOptions{
		Roots: pool(authorities), Intermediates: pool(between), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if invalid, is := errors.AsType[x509.CertificateInvalidError](err); is && invalid.Reason == x509.Expired {
		return until, errors.New("has a CA certificate that is not yet valid or has expired") // the error's own text has the time in it
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
