package certificates

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// find says what one Secret needs.
func (s *set) find(name string, secrets map[string]*corev1.Secret, wanted Wanted) Finding {
	finding, secret := Finding{Secret: name}, secrets[name]
	if secret == nil {
		finding.Need, finding.Why = Missing, "is missing"
		finding.Blocked, finding.HandOver = s.othersBlock(name, secrets, wanted)
		return finding
	}
	is := s.sources[name]
	if is.origin == leaving {
		finding.Need, finding.Why, finding.Blocked, finding.Leaving = Missing, "belongs to a deleted GatewayTenant", s.refusal(secret), true
		return finding
	}
	finding.Need, finding.Why = s.need(name, wanted)
	if finding.Need == Due && (!is.managed() || name == manifests.CAName && s.waitsForPrevious() != "") {
		finding.Need, finding.Why = Fits, "" // its issuer knows when it is time, or it is not time yet
	}
	if other := s.distrusts[name]; other != "" && finding.Need < Due {
		finding.Need, finding.Why = Due, "does not trust the certificate in Secret "+other
		if !is.managed() {
			finding.Need, finding.Why = Unfit, finding.Why+" (add the CA of the latter to its "+format.KeyCA+")"
		}
	}
	s.findOwner(&finding, secret, wanted)
	if finding.Need > Unowned {
		if finding.Blocked, finding.HandOver = s.refusal(secret), is.handOver(name); finding.Blocked == "" {
			finding.Blocked, finding.HandOver = s.othersBlock(name, secrets, wanted)
		}
	}
	return finding
}

// findOwner says whether the Secret has the owner that it should have.
func (s *set) findOwner(finding *Finding, secret *corev1.Secret, wanted Wanted) {
	is, owned := s.sources[secret.Name], ownedBy(secret, wanted.Owner)
	finding.Release = owned && is.origin == foreign && !is.controlled
	if finding.Need != Fits {
		return
	}
	switch {
	case finding.Release:
		finding.Need, finding.Why = Unowned, "is written by "+is.writer+" and must not be deleted with the GatewayTenant"
	case is.managed() && handedOver(secret):
		finding.Need, finding.Why = Unowned, "is handed over to the operator"
	case is.managed() && !owned:
		finding.Need, finding.Why = Unowned, "has no owner"
	}
}

// othersBlock says why a Secret cannot be issued though it could be written: the CA must be replaced first and cannot
// be, the Secret has no room for another CA, or the other side would not trust it and cannot be made to. It also returns
// the name of the Secret to hand over, if that would help.
func (s *set) othersBlock(name string, secrets map[string]*corev1.Secret, wanted Wanted) (why, handOver string) {
	switch name {
	case manifests.CAName:
		return s.noRoomForNextCA(), ""
	case manifests.TokenKeysName:
		return "", ""
	}
	self, other, otherName := s.sides(name)
	if ca := s.find(manifests.CAName, secrets, wanted); ca.Need == Unfit && ca.Blocked != "" {
		return "cannot be issued before Secret " + manifests.CAName + " can be used", ca.HandOver
	}
	if full := self.full(s.ca); full != "" {
		return full, ""
	}
	if secrets[otherName] == nil || s.trustedBy(other) || s.ca.err == nil && self.of(s.ca) { // then it is no other CA than now
		return "", ""
	}
	if why := s.refusal(secrets[otherName]); why != "" {
		return "Secret " + otherName + " would have to trust another CA, but it " + why, s.sources[otherName].handOver(otherName)
	}
	if full := other.full(s.ca); full != "" {
		return "Secret " + otherName + " " + full, ""
	}
	return "", ""
}

// noRoomForNextCA names a Secret in which the CA that replaces the present one would have no room. A CA that cannot be
// used is replaced nevertheless.
func (s *set) noRoomForNextCA() string {
	for _, name := range format.TLSNames {
		side, _, _ := s.sides(name)
		if full := side.full(part{}); full != "" && s.ca.err == nil && s.sources[name].managed() {
			return "Secret " + name + " " + full
		}
	}
	return ""
}

// trustedBy reports whether a side trusts what the present CA issues: it shows a certificate of that CA, or has the CA or
// one that vouches for it in its ca.crt.
func (s *set) trustedBy(side part) bool {
	if s.ca.err != nil {
		return false
	}
	return side.of(s.ca) || slices.ContainsFunc(side.authorities, func(ca *x509.Certificate) bool {
		return ca.Equal(s.ca.certificate) || s.vouchedBy(ca)
	})
}

// full says that a Secret's ca.crt has no room for the CA. What is in it is not dropped to make room.
func (p part) full(ca part) string {
	switch {
	case p.caFault != "":
		return "has a " + format.KeyCA + " that " + p.caFault + "; remove certificates from it that are no longer needed"
	case slices.ContainsFunc(p.authorities, ca.certificate.Equal):
		return ""
	case p.caBytes > format.MaxCABytes-format.RoomForOneCA, len(p.authorities) >= format.MaxCAs:
		return fmt.Sprintf("has no room for another CA in its %s, which may hold %d certificates and %d bytes; remove those that are no longer needed",
			format.KeyCA, format.MaxCAs, format.MaxCABytes)
	}
	return ""
}

// waitsForPrevious says until when the CA cannot be rotated: so many previous CAs are still trusted that none can be
// added, and none of them may be dropped before its time. It is empty if the CA can be rotated.
func (s *set) waitsForPrevious() string {
	for _, sides := range [][2]part{{s.server, s.client}, {s.client, s.server}} {
		previous := s.formerAuthorities(sides[0], sides[1])
		if len(previous) < format.MaxPreviousCAs {
			continue
		}
		var first time.Time
		for _, ca := range previous {
			if end, noted := sides[0].former[idOf(ca)]; noted {
				first = format.Earliest(first, end)
			}
		}
		return fmt.Sprintf("the next rotation of the CA waits because %d previous CAs are still trusted; the first of them expires at %s", len(previous), first.UTC().Format(time.RFC3339))
	}
	return ""
}
