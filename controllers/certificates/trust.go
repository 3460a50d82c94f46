package certificates

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// distrust records that one side does not trust the certificate of the other. It cannot happen if certgen writes both
// sides, so these are not verified.
func (s *SecretSet) distrust(name string, usage x509.ExtKeyUsage) {
	side, other, otherName := s.sides(name)
	if side.err != nil || other.err != nil || s.sources[name].managed() && s.sources[otherName].managed() {
		return
	}
	if _, err := format.VerifyChain(other.certificate, other.intermediates, side.trusted(), usage, s.now); err != nil {
		s.distrusts[name] = otherName
	}
}

// trustedBy reports whether a side trusts what the present CA issues: it shows a certificate of that CA, or has the CA or
// one that vouches for it in its ca.crt.
func (s *SecretSet) trustedBy(side tlsSecret) bool {
	if s.ca.err != nil {
		return false
	}
	return side.issuedBy(s.ca) || slices.ContainsFunc(side.trusted(), func(ca *x509.Certificate) bool {
		return ca.Equal(s.ca.certificate) || s.vouchedBy(ca)
	})
}

// previousCAs returns the tenant's previous CAs that a side trusts and that the other side no longer needs.
func (s *SecretSet) previousCAs(side, other tlsSecret) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(side.cas), func(ca *x509.Certificate) bool {
		return ca.Equal(s.ca.certificate) || s.stillNeeds(other, ca) || !s.isTenantsOwn(ca, side.previousUntil)
	})
}

// stillNeeds reports whether a side needs a previous CA to be trusted by the other side: it shows a certificate of that CA,
// or certgen may not write its Secret, whose ca.crt has that CA and not the present one.
func (s *SecretSet) stillNeeds(side tlsSecret, previous *x509.Certificate) bool {
	if !side.issuedBy(s.ca) && format.IssuedBy(side.certificate, previous) {
		return true
	}
	return side.unmanaged && slices.ContainsFunc(side.cas, previous.Equal) && !slices.ContainsFunc(side.cas, s.ca.certificate.Equal)
}

// isTenantsOwn reports whether a CA in a ca.crt is or was the tenant's own, so that it is removed when its time is over: it
// has the name of one, its end is recorded, or it vouched for the present one. Any other CA was added by a user and stays.
func (s *SecretSet) isTenantsOwn(ca *x509.Certificate, recorded trustExpiry) bool {
	_, ends := recorded[caID(ca)]
	return ends || format.IsOpenShellCA(ca) && !s.ofAnotherTenant(ca) || s.vouchedBy(ca)
}

// ofAnotherTenant reports whether certgen issued a CA certificate for another namespace.
func (s *SecretSet) ofAnotherTenant(ca *x509.Certificate) bool {
	return format.IsTenantCA(ca) && ca.Subject.OrganizationalUnit[0] != cmp.Or(s.server.namespace, s.client.namespace, s.ca.namespace)
}

// vouchedBy reports whether a previous CA vouches for the present one by a cross-certificate. What follows the certificate
// of a CA that a user supplied is the chain to its root, and no cross-certificate.
func (s *SecretSet) vouchedBy(ca *x509.Certificate) bool {
	return s.ca.certificate != nil && format.IsTenantCA(s.ca.certificate) && slices.ContainsFunc(s.ca.intermediates, func(cross *x509.Certificate) bool {
		return format.IssuedBy(cross, ca)
	})
}

// noRoomForNextCA names a Secret in which the CA that replaces the present one would have no room. It is empty if there is
// none, and for a CA that cannot be used: that is replaced nevertheless.
func (s *SecretSet) noRoomForNextCA() string {
	for _, name := range format.TLSNames {
		side, _, _ := s.sides(name)
		if full := side.full(tlsSecret{}); full != "" && s.ca.err == nil && s.sources[name].managed() {
			return "Secret " + name + " " + full
		}
	}
	return ""
}

// rotationWaits returns the time until which a rotation of the CA must wait. It is zero if none has to wait. Each previous CA
// vouches for its successor, and at most format.MaxCrosses cross-certificates lead back. One more CA would cut off clients that
// have a copy of the first of these CAs, so the rotation waits until that CA is no longer trusted.
func (s *SecretSet) rotationWaits() time.Time {
	var until time.Time
	if s.ca.err != nil || len(s.ca.intermediates) < format.MaxCrosses || !format.IsTenantCA(s.ca.certificate) {
		return until
	}
	for _, cross := range s.ca.intermediates[format.MaxCrosses-1:] { // they would be dropped
		for _, side := range []tlsSecret{s.server, s.client} {
			for _, ca := range side.cas {
				end := format.Earliest(side.previousUntil[caID(ca)], ca.NotAfter)
				if _, recorded := side.previousUntil[caID(ca)]; recorded && format.IssuedBy(cross, ca) && s.now.Before(end) && end.After(until) {
					until = end
				}
			}
		}
	}
	return until
}

// delay says why a CA that is due for rotation is not replaced yet, and how to replace it now. It is empty if the CA is not due, or if
// nothing delays the rotation.
func (s *SecretSet) delay() string {
	until := s.rotationWaits()
	if due, _ := s.need(manifests.CAName); due != Due || until.IsZero() {
		return ""
	}
	return fmt.Sprintf("the rotation of the CA waits until %s: %d earlier CAs are still trusted, and a client that has a copy of the first of them could not verify the certificate of another one; "+
		"to rotate now and refuse all clients that have no certificate of the present CA: kubectl annotate secret %s -n %s --overwrite %s=none",
		until.UTC().Format(time.RFC3339), len(s.ca.intermediates), strings.Join(format.TLSNames, " "), s.ca.namespace, format.AnnotationPreviousUntil)
}
