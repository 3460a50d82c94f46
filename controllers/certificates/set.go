package certificates

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

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
}

// part is a Secret with a certificate.
type part struct {
	certificate   *x509.Certificate   // nil: none that can be read
	intermediates []*x509.Certificate // the rest of its tls.crt
	authorities   []*x509.Certificate // its ca.crt
	rotated       string              // the rotation that it was made for
	until         time.Time           // when the time of former authorities among them is over; zero: there are none
	supersedes    bool                // of the authority: what former ones signed is to be made anew
	err           error               // why it cannot be used
}

var errAbsent = errors.New("is missing")

func readSet(secrets map[string]*corev1.Secret, now time.Time) *set {
	s := &set{now: now}
	s.ca = readPart(secrets[manifests.CAName], annotationRotateCA, now)
	s.server = readPart(secrets[manifests.ServerTLSName], annotationRotateTLS, now)
	s.client = readPart(secrets[manifests.ClientTLSName], annotationRotateTLS, now)
	if s.ca.err == nil && !s.ca.certificate.IsCA {
		s.ca.err = errors.New("has a certificate that is no authority's")
	}
	s.server.verify(x509.ExtKeyUsageServerAuth, now)
	s.client.verify(x509.ExtKeyUsageClientAuth, now)
	s.tokens.err = errAbsent
	if keys := secrets[manifests.TokenKeysName]; keys != nil {
		s.tokens.id, s.tokens.rotated = string(keys.Data[keyID]), keys.Annotations[annotationRotateTokens]
		s.tokens.err = keyFault(keys)
	}
	return s
}

func readPart(secret *corev1.Secret, rotation string, now time.Time) part {
	if secret == nil {
		return part{err: errAbsent}
	}
	p := part{rotated: secret.Annotations[rotation], supersedes: secret.Annotations[annotationSupersedes] != ""}
	p.until, _ = time.Parse(time.RFC3339, secret.Annotations[annotationFormerUntil]) // unreadable: as if it were not there
	leaves, err := parseCertificates(secret.Data[keyCertificate])
	if err != nil {
		p.err = errors.New("has a " + keyCertificate + " that " + err.Error())
		return p
	}
	p.certificate, p.intermediates = leaves[0], leaves[1:]
	if p.authorities, err = parseCertificates(secret.Data[keyCA]); err != nil {
		p.err = errors.New("has a " + keyCA + " that " + err.Error())
	} else if err := keyFault(secret); err != nil {
		p.err = err
	} else if !now.Before(p.certificate.NotAfter) {
		p.err = errors.New("has expired")
	}
	return p
}

// keyFault is what Strip noted.
func keyFault(stripped *corev1.Secret) error {
	if fault := stripped.Data[noteKeyFault]; len(fault) > 0 {
		return fmt.Errorf("cannot be used: %s", fault)
	}
	return nil
}

// verify notes if the certificate does not chain to the authorities beside it.
func (p *part) verify(usage x509.ExtKeyUsage, now time.Time) {
	if p.err == nil {
		p.err = chains(p.certificate, p.intermediates, p.authorities, usage, now)
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
	case !s.now.Before(renewAt(p.certificate)):
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
	case !p.until.IsZero() && !s.now.Before(p.until):
		return Due, "trusts a former authority whose time is over"
	}
	return Fits, ""
}

// of tells whether the authority signed the certificate, if there is one. Authorities of ours have key identifiers, which are hashes of
// their keys.
func (p part) of(ca part) bool {
	return p.certificate != nil && bytes.Equal(p.certificate.AuthorityKeyId, ca.certificate.SubjectKeyId) && bytes.Equal(p.certificate.RawIssuer, ca.certificate.RawSubject)
}

// lacks are those of the names that a usable certificate does not carry.
func (p part) lacks(names []string) []string {
	if p.err != nil {
		return nil
	}
	return without(names, namesOf(p.certificate))
}
