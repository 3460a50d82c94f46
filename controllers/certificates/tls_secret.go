package certificates

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// tlsSecret is a Secret with a certificate: the CA's, the gateway's or its clients'.
type tlsSecret struct {
	namespace     string
	certificate   *x509.Certificate   // nil if none can be read
	intermediates []*x509.Certificate // the rest of its tls.crt
	cas           []*x509.Certificate // its ca.crt
	firstHidden   bool                // a byte order mark hides the first of these from gateways and clients
	caBytes       int                 // the length of its ca.crt
	caFault       string              // why its ca.crt is not read at all
	end           time.Time           // until when it can be used: its own expiry, or that of its CA
	rotated       string              // the rotation that it was issued for
	rotatedCA     string              // of a leaf: the rotation that its CA was issued for
	previousUntil trustExpiry         // until when previous CAs are trusted
	trustedSince  time.Time           // since when it trusts a CA that has not issued a certificate yet
	supersedes    bool                // of the CA: what previous CAs issued is to be issued again
	unmanaged     bool                // the Secret exists, and certgen may not write it
	err           error               // why it cannot be used
}

var errAbsent = errors.New("is missing")

func readTLSSecret(secret *corev1.Secret, rotation string, now time.Time) tlsSecret {
	if secret == nil {
		return tlsSecret{err: errAbsent}
	}
	t := tlsSecret{
		namespace: secret.Namespace,
		rotated:   secret.Annotations[rotation], rotatedCA: secret.Annotations[format.AnnotationRotateCA],
		previousUntil: parseTrustExpiry(secret), supersedes: secret.Annotations[format.AnnotationSupersedes] != "",
	}
	t.trustedSince, _ = time.Parse(time.RFC3339, secret.Annotations[format.AnnotationTrustedSince]) // as if absent if it cannot be read
	fault := t.readCAs(secret)
	if t.err = t.readCertificate(secret, now); t.err == nil {
		t.err = fault
	}
	return t
}

// readCAs reads the Secret's ca.crt. The Secret of the CA needs none.
func (t *tlsSecret) readCAs(secret *corev1.Secret) error {
	if secret.Name == manifests.CAName {
		return nil
	}
	t.caBytes, t.caFault = len(secret.Data[format.KeyCA]), string(secret.Data[noteCAFault])
	cas, err := format.ParseCAs(secret.Data[format.KeyCA])
	t.cas, t.firstHidden = cas.Certificates, cas.FirstHidden
	if err != nil && t.caFault == "" && t.caBytes > 0 && !errors.Is(err, format.ErrNoCertificates) {
		t.caFault = err.Error() // too many
	}
	switch {
	case t.caFault != "":
		return errors.New("has a " + format.KeyCA + " that " + t.caFault)
	case err != nil && t.caBytes == 0:
		return errors.New("has no certificate in " + format.KeyCA)
	case err != nil:
		return errors.New("has a " + format.KeyCA + " that " + err.Error())
	}
	return nil
}

// readCertificate reads the Secret's tls.crt, and what Transform noted about its tls.key.
func (t *tlsSecret) readCertificate(secret *corev1.Secret, now time.Time) error {
	found, err := format.ParseCertificates(secret.Data[format.KeyCertificate])
	if err != nil {
		return errors.New("has a " + format.KeyCertificate + " that " + err.Error())
	}
	t.certificate, t.intermediates, t.end = found[0], found[1:], found[0].NotAfter
	if err := keyFault(secret); err != nil {
		return err
	}
	switch {
	case now.Before(t.certificate.NotBefore):
		return errors.New("is not valid until " + t.certificate.NotBefore.UTC().Format(time.RFC3339))
	case !now.Before(t.end):
		return errors.New("has expired")
	}
	return nil
}

// checkCA returns an error if the certificate of a CA does not allow it to issue what it must. Certgen would issue from
// it again and again.
func checkCA(ca *x509.Certificate) error {
	switch {
	case !ca.IsCA || ca.KeyUsage != 0 && ca.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("has a certificate that may not sign others")
	case len(ca.ExtKeyUsage)+len(ca.UnknownExtKeyUsage) > 0 && !slices.Contains(ca.ExtKeyUsage, x509.ExtKeyUsageAny):
		return errors.New("has a certificate that may not sign for both sides")
	case len(ca.PermittedDNSDomains)+len(ca.ExcludedDNSDomains)+len(ca.PermittedIPRanges)+len(ca.ExcludedIPRanges) > 0:
		return errors.New("has a certificate that may sign for some names only")
	}
	return nil
}

// keyFault returns what Transform noted about the private key of a Secret.
func keyFault(transformed *corev1.Secret) error {
	if fault := transformed.Data[noteKeyFault]; len(fault) > 0 {
		return fmt.Errorf("cannot be used: %s", fault)
	}
	return nil
}

// verify records until when the certificate chains to the CAs in the same Secret, or that it does not.
func (t *tlsSecret) verify(usage x509.ExtKeyUsage, now time.Time) {
	if t.err != nil {
		return
	}
	until, err := format.VerifyChain(t.certificate, t.intermediates, t.trusted(), usage, now)
	switch {
	case err == nil:
		t.end = until
	case t.firstHidden:
		t.err = errors.New("has a " + format.KeyCA + " that begins with a byte order mark, which hides its first certificate; store it without")
	default:
		t.err = err
	}
}

// trusted returns the CAs in the Secret's ca.crt that gateways and clients trust.
func (t tlsSecret) trusted() []*x509.Certificate {
	if t.firstHidden {
		return t.cas[1:]
	}
	return t.cas
}

// issuedBy reports whether the CA issued the certificate.
func (t tlsSecret) issuedBy(ca tlsSecret) bool {
	return format.IssuedBy(t.certificate, ca.certificate)
}

// renewAt returns when two thirds of the time are over in which the certificate can be used.
func (t tlsSecret) renewAt() time.Time {
	return t.end.Add(-t.end.Sub(t.certificate.NotBefore) / 3)
}

// lacks returns the names that a usable certificate does not cover.
func (t tlsSecret) lacks(names []string) []string {
	if t.err != nil {
		return nil
	}
	return uncovered(t.certificate, names)
}

// full says that a Secret's ca.crt has no room for the CA. It is empty if it has. Certificates are never dropped from a
// ca.crt to make room.
func (t tlsSecret) full(ca tlsSecret) string {
	switch {
	case t.caFault != "":
		return "has a " + format.KeyCA + " that " + t.caFault + "; remove certificates from it that are no longer needed"
	case slices.ContainsFunc(t.cas, ca.certificate.Equal):
		return ""
	case t.caBytes > format.MaxCABytes-format.RoomForOneCA, len(t.cas) >= format.MaxCAs:
		return fmt.Sprintf("has no room for another CA in its %s, which may hold %d certificates and %d bytes; remove those that are no longer needed",
			format.KeyCA, format.MaxCAs, format.MaxCABytes)
	}
	return ""
}
