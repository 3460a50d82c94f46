package certificates

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// set is what a tenant's Secrets hold, stripped, at one moment.
type set struct {
	now                time.Time
	ca, server, client part
	tokens             struct {
		id, rotated string
		err         error
	}
	sources map[string]source // where each Secret that exists comes from
	// distrusts maps the name of a TLS Secret to that of the other one, if it does not trust the other's certificate.
	distrusts map[string]string
}

// part is a Secret with a certificate.
type part struct {
	namespace     string
	certificate   *x509.Certificate   // nil: none that can be read
	intermediates []*x509.Certificate // the rest of its tls.crt
	authorities   []*x509.Certificate // its ca.crt
	caBytes       int                 // how long its ca.crt is
	end           time.Time           // until when it can be used: its own end, or that of its authority
	rotated       string              // the rotation that it was made for
	rotatedCA     string              // of a leaf: the rotation that its authority was made for
	former        formerEnds          // until when authorities beside the present one are trusted
	trustedSince  time.Time           // since when an authority is trusted that nothing was issued from yet
	supersedes    bool                // of the authority: what former ones signed is to be made anew
	unmanaged     bool                // the Secret exists, and certgen may not write it
	caFault       string              // why its ca.crt is not read at all
	err           error               // why it cannot be used
}

var errAbsent = errors.New("is missing")

func readSet(secrets map[string]*corev1.Secret, owner types.UID, now time.Time) *set {
	s := &set{now: now, sources: map[string]source{}, distrusts: map[string]string{}}
	s.ca = readPart(secrets[manifests.CAName], format.AnnotationRotateCA, now)
	s.server = readPart(secrets[manifests.ServerTLSName], format.AnnotationRotateTLS, now)
	s.client = readPart(secrets[manifests.ClientTLSName], format.AnnotationRotateTLS, now)
	if s.ca.err == nil {
		s.ca.err = mayIssue(s.ca.certificate)
	}
	s.server.verify(x509.ExtKeyUsageServerAuth, now)
	s.client.verify(x509.ExtKeyUsageClientAuth, now)
	s.tokens.err = errAbsent
	if keys := secrets[manifests.TokenKeysName]; keys != nil {
		s.tokens.id, s.tokens.rotated = string(keys.Data[format.KeyID]), keys.Annotations[format.AnnotationRotateTokens]
		s.tokens.err = keyFault(keys)
	}
	for name, secret := range secrets {
		s.sources[name] = s.sourceOf(secret, owner)
	}
	s.server.unmanaged = secrets[manifests.ServerTLSName] != nil && !s.sources[manifests.ServerTLSName].managed()
	s.client.unmanaged = secrets[manifests.ClientTLSName] != nil && !s.sources[manifests.ClientTLSName].managed()
	s.distrust(manifests.ClientTLSName, s.client, manifests.ServerTLSName, s.server, x509.ExtKeyUsageServerAuth)
	s.distrust(manifests.ServerTLSName, s.server, manifests.ClientTLSName, s.client, x509.ExtKeyUsageClientAuth)
	return s
}

// distrust notes that one side does not trust the certificate of the other. It cannot happen to sides that certgen
// writes both, so these are not looked at.
func (s *set) distrust(name string, side part, otherName string, other part, usage x509.ExtKeyUsage) {
	if side.err != nil || other.err != nil || s.sources[name].managed() && s.sources[otherName].managed() {
		return
	}
	if _, err := format.VerifyChain(other.certificate, other.intermediates, side.authorities, usage, s.now); err != nil {
		s.distrusts[name] = otherName
	}
}

func readPart(secret *corev1.Secret, rotation string, now time.Time) part {
	if secret == nil {
		return part{err: errAbsent}
	}
	p := part{
		namespace: secret.Namespace,
		rotated:   secret.Annotations[rotation], rotatedCA: secret.Annotations[format.AnnotationRotateCA],
		former: parseFormerEnds(secret), supersedes: secret.Annotations[format.AnnotationSupersedes] != "",
	}
	p.trustedSince, _ = time.Parse(time.RFC3339, secret.Annotations[format.AnnotationTrustedSince]) // unreadable: as if it were not there
	fault := p.readAuthorities(secret)
	if p.err = p.readCertificate(secret, now); p.err == nil {
		p.err = fault
	}
	return p
}

// readAuthorities reads the Secret's ca.crt. A CA needs none.
func (p *part) readAuthorities(secret *corev1.Secret) error {
	if secret.Name == manifests.CAName {
		return nil
	}
	p.caBytes, p.caFault = len(secret.Data[format.KeyCA]), string(secret.Data[noteCAFault])
	authorities, err := format.ParseCAs(secret.Data[format.KeyCA])
	p.authorities = authorities.Certificates
	if err != nil && p.caFault == "" && p.caBytes > 0 && !errors.Is(err, format.ErrNoCertificates) {
		p.caFault = err.Error() // too many
	}
	switch {
	case p.caFault != "":
		return errors.New("has a " + format.KeyCA + " that " + p.caFault)
	case err != nil && p.caBytes == 0:
		return errors.New("has no certificate in " + format.KeyCA)
	case err != nil:
		return errors.New("has a " + format.KeyCA + " that " + err.Error())
	}
	return nil
}

// readCertificate reads the Secret's tls.crt, and what Strip noted about its tls.key.
func (p *part) readCertificate(secret *corev1.Secret, now time.Time) error {
	found, err := format.ParseCertificates(secret.Data[format.KeyCertificate])
	if err != nil {
		return errors.New("has a " + format.KeyCertificate + " that " + err.Error())
	}
	p.certificate, p.intermediates, p.end = found[0], found[1:], found[0].NotAfter
	if err := keyFault(secret); err != nil {
		return err
	}
	switch {
	case now.Before(p.certificate.NotBefore):
		return errors.New("is not valid until " + p.certificate.NotBefore.UTC().Format(time.RFC3339))
	case !now.Before(p.end):
		return errors.New("has expired")
	}
	return nil
}

// mayIssue tells whether an authority's certificate is good for what it is to sign. One that is not would be signing
// again and again.
func mayIssue(ca *x509.Certificate) error {
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

// keyFault is what Strip noted.
func keyFault(stripped *corev1.Secret) error {
	if fault := stripped.Data[noteKeyFault]; len(fault) > 0 {
		return fmt.Errorf("cannot be used: %s", fault)
	}
	return nil
}

// verify notes until when the certificate chains to the authorities beside it, or that it does not.
func (p *part) verify(usage x509.ExtKeyUsage, now time.Time) {
	if p.err != nil {
		return
	}
	if until, err := format.VerifyChain(p.certificate, p.intermediates, p.authorities, usage, now); err != nil {
		p.err = err
	} else {
		p.end = until
	}
}

// need says what a Secret that is there needs, and why.
func (s *set) need(name string, wanted Wanted) (Need, string) {
	switch name {
	case manifests.CAName:
		return s.due(s.ca, wanted.Rotation.CA)
	case manifests.ServerTLSName:
		if missing := s.server.lacks(wanted.ServerNames); len(missing) > 0 {
			return Unfit, "lacks " + strings.Join(missing, ", ")
		}
		if surplus := s.surplus(wanted.ServerNames); len(surplus) > 0 {
			return Due, "still carries " + strings.Join(surplus, ", ")
		}
		return s.leafDue(s.server, s.client, wanted.Rotation.TLS)
	case manifests.ClientTLSName:
		return s.leafDue(s.client, s.server, wanted.Rotation.TLS)
	}
	if s.tokens.err != nil {
		return Unfit, s.tokens.err.Error()
	}
	if asked(wanted.Rotation.Tokens, s.tokens.rotated) {
		return Due, becauseAsked
	}
	return Fits, ""
}

const becauseAsked = "is to be rotated"

// asked tells whether a rotation is asked for that was not done last.
func asked(rotation, done string) bool { return rotation != "" && rotation != done }

// due tells whether it is time for a newer one.
func (s *set) due(p part, rotation string) (Need, string) {
	switch {
	case p.err != nil:
		return Unfit, p.err.Error()
	case !s.now.Before(p.renewAt()):
		return Due, "is due for renewal"
	case asked(rotation, p.rotated):
		return Due, becauseAsked
	}
	return Fits, ""
}

// leafDue tells it of a certificate of the gateway or its clients; other is the one of the other side. Both are always
// of the same authority: when one side's is the present authority's, or that superseded another, the other side's
// follows.
func (s *set) leafDue(p, other part, rotation string) (Need, string) {
	need, why := s.due(p, rotation)
	switch {
	case need != Fits:
		return need, why
	case s.ca.err == nil && !p.of(s.ca) && (s.ca.supersedes || other.err == nil && other.of(s.ca)):
		return Due, "is to follow its authority"
	case s.ca.err == nil && p.of(s.ca) && p.former.over(s.formerAuthorities(p, other), s.now):
		return Due, "trusts a former authority whose time is over"
	}
	return Fits, ""
}

// of reports whether the CA issued the certificate, if there is one.
func (p part) of(ca part) bool {
	return format.IssuedBy(p.certificate, ca.certificate)
}

// renewAt is when a certificate has lived two thirds of the time in which it can be used.
func (p part) renewAt() time.Time {
	return p.end.Add(-p.end.Sub(p.certificate.NotBefore) / 3)
}

// lacks are those of the names that a usable certificate does not cover.
func (p part) lacks(names []string) []string {
	if p.err != nil {
		return nil
	}
	return uncovered(p.certificate, names)
}

// surplus are the names in the gateway's certificate that nobody asks for any more. What was made elsewhere is left as it
// is.
func (s *set) surplus(names []string) []string {
	if len(names) == 0 || s.server.err != nil || s.ca.err != nil || !s.server.of(s.ca) {
		return nil
	}
	return without(namesOf(s.server.certificate), slices.Concat(names, manifests.AlsoServed(s.server.namespace)))
}
