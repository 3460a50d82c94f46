package format

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// VerifyChain returns until when a certificate chains, through the intermediates, to one of the CAs.
func VerifyChain(leaf *x509.Certificate, intermediates, cas []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) (until time.Time, err error) {
	found, err := leaf.Verify(x509.VerifyOptions{
		Roots: pool(cas), Intermediates: pool(intermediates), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if invalid, is := errors.AsType[x509.CertificateInvalidError](err); is && invalid.Reason == x509.Expired {
		return until, errors.New("has a CA certificate that is not yet valid or has expired") // the error's own text has the time in it
	}
	if err != nil {
		return until, fmt.Errorf("does not chain to its %s: %w", KeyCA, err)
	}
	for _, chain := range found {
		end := leaf.NotAfter
		for _, certificate := range chain {
			end = Earliest(end, certificate.NotAfter)
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

// IssuedBy reports whether a CA issued a certificate; either may be nil. It compares names and key identifiers, which
// are hashes of keys, and verifies no signature.
func IssuedBy(certificate, ca *x509.Certificate) bool {
	return certificate != nil && ca != nil &&
		bytes.Equal(certificate.AuthorityKeyId, ca.SubjectKeyId) && bytes.Equal(certificate.RawIssuer, ca.RawSubject)
}

// Earliest returns the earlier time. A zero a does not count.
func Earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
