package format

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of what is read. A user who may write Secrets in one namespace must not be able to keep the operator, which
// serves all namespaces, busy with a certificate.
const (
	MaxCertificateBytes = 64 << 10  // of a tls.crt
	MaxCABytes          = 512 << 10 // of a ca.crt: room for a corporate bundle of about 300 roots
	MaxKeyBytes         = 8 << 10   // an RSA key of 8192 bits has 6.4 KiB
	MaxCertificates     = 32        // in a tls.crt
	MaxCAs              = 400       // in a ca.crt
	RoomForOneCA        = 4 << 10   // a ca.crt with less room than this is full
	maxRSABits          = 8192
)

// MaxCrosses is how many previous CAs vouch for the present one at most, each for its successor. OpenShell's TLS library
// (rustls-webpki) follows no longer chain. A rotation that would need a longer one waits.
const MaxCrosses = 6

// ByteOrderMark is what some editors begin a file with.
const ByteOrderMark = "\xef\xbb\xbf"

const certificateBlock = "CERTIFICATE"

// ErrNoCertificates is the error of a PEM text without a certificate that can be read.
var ErrNoCertificates = errors.New("holds no certificate that can be read")

// Bundle is the content of a PEM text with certificates.
type Bundle struct {
	Certificates []*x509.Certificate // those that can be read, in their order
	Unreadable   []byte              // the blocks of certificates that cannot be read, as PEM
	FirstHidden  bool                // whether strict readers skip the first of them, because a byte order mark precedes it
	firstErr     error               // why the first certificate cannot be read
}

// readBundle reads the certificates of a PEM text and skips those that cannot be read. It fails if the text exceeds a
// bound or if no certificate is left.
func readBundle(text []byte, maxBytes, maxCertificates int) (Bundle, error) {
	var b Bundle
	if len(text) > maxBytes {
		return b, fmt.Errorf("is longer than %d bytes", maxBytes)
	}
	for i, block := range CertificateBlocks(text, maxCertificates+1) {
		if i == maxCertificates {
			return Bundle{}, fmt.Errorf("has more than %d certificates", maxCertificates)
		}
		certificate, err := parseCertificate(block)
		if err != nil {
			if i == 0 {
				b.firstErr = err
			}
			b.Unreadable = append(b.Unreadable, pem.EncodeToMemory(block)...)
			continue
		}
		b.Certificates = append(b.Certificates, certificate)
	}
	b.FirstHidden = len(b.Certificates) > 0 && b.firstErr == nil && bytes.HasPrefix(text, []byte(ByteOrderMark))
	switch {
	case len(b.Certificates) > 0:
		return b, nil
	case b.firstErr != nil:
		return b, fmt.Errorf("%w: %w", ErrNoCertificates, b.firstErr)
	}
	return b, ErrNoCertificates
}

func parseCertificate(block *pem.Block) (*x509.Certificate, error) {
	if block.Type != certificateBlock {
		return nil, fmt.Errorf("it is a %s", block.Type)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	if key, is := certificate.PublicKey.(*rsa.PublicKey); is && key.N.BitLen() > maxRSABits {
		return nil, fmt.Errorf("it has an RSA key of more than %d bits", maxRSABits)
	}
	return certificate, nil
}

// CertificateBlocks returns at most limit blocks of a PEM text, from its beginning, that are a certificate in some
// encoding, such as OpenSSL's trusted certificates. A byte order mark would hide the first block, so it is skipped.
func CertificateBlocks(text []byte, limit int) []*pem.Block {
	text = bytes.TrimPrefix(text, []byte(ByteOrderMark))
	var blocks []*pem.Block
	for len(blocks) < limit {
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

// ParseCertificates reads a tls.crt: a certificate, which must be readable, and the intermediates after it.
func ParseCertificates(text []byte) ([]*x509.Certificate, error) {
	b, err := readBundle(text, MaxCertificateBytes, MaxCertificates)
	if err == nil && b.firstErr != nil {
		err = fmt.Errorf("begins with a certificate that cannot be read: %w", b.firstErr)
	}
	if err != nil {
		return nil, err
	}
	return b.Certificates, nil
}

// ParseCAs reads a ca.crt. With an error it still returns what it could read.
func ParseCAs(text []byte) (Bundle, error) {
	return readBundle(text, MaxCABytes, MaxCAs)
}

// EncodeCertificates returns the PEM text of the certificates, each once.
func EncodeCertificates(certificates ...*x509.Certificate) []byte {
	var text []byte
	for i, certificate := range certificates {
		if !slices.ContainsFunc(certificates[:i], certificate.Equal) {
			text = append(text, EncodeDER(certificate.Raw)...)
		}
	}
	return text
}

// EncodeDER returns the PEM text of a certificate that is encoded in DER.
func EncodeDER(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: der})
}
