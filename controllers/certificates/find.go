package certificates

import (
	"slices"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// find returns what one Secret needs.
func (s *SecretSet) find(name string) Finding {
	finding := Finding{Secret: name}
	if s.secrets[name] == nil {
		finding.Need, finding.Message = Missing, "is missing"
		// Issuing it here would replace a certificate that clients know, and some issuers would keep the new one.
		if finding.External = slices.Contains(s.desired.External, name); finding.External {
			finding.Blocked = "is not the operator's, so its issuer must create it again"
		} else {
			finding.Blocked, finding.HandOver = s.othersBlock(name)
		}
		return finding
	}
	is := s.sources[name]
	if is.origin == terminating {
		finding.Need, finding.Message, finding.Blocked, finding.Terminating = Missing, "is to be issued again", s.Refusal(name), true
		finding.Kept = message.Removal("Secret", s.secrets[name]) != ""
		if manifests.OfFormer(s.secrets[name], s.desired.Owner) {
			finding.Message = "belongs to a deleted GatewayTenant"
		}
		return finding
	}
	finding.Need, finding.Message = s.need(name)
	if finding.Need == Due && (!is.managed() || name == manifests.CAName && !s.rotationWaits().IsZero()) {
		finding.Need, finding.Message = Valid, "" // its issuer knows when it is time, or it is not time yet
	}
	if other := s.distrusts[name]; other != "" && finding.Need < Due {
		finding.Need, finding.Message = Due, "does not trust the certificate in Secret "+other
		if !is.managed() {
			finding.Need, finding.Message = Invalid, finding.Message+" (add the CA of the latter to its "+format.KeyCA+")"
		}
	}
	s.findOwner(&finding)
	if finding.Need > Unowned {
		if finding.Blocked, finding.HandOver = s.Refusal(name), is.handOver(name); finding.Blocked == "" {
			finding.Blocked, finding.HandOver = s.othersBlock(name)
		}
	}
	return finding
}

// findOwner adds to a finding whether the Secret has the owner that it should have.
func (s *SecretSet) findOwner(finding *Finding) {
	is, secret := s.sources[finding.Secret], s.secrets[finding.Secret]
	owned := format.OwnedBy(secret, s.desired.Owner)
	finding.RemoveOwner = owned && is.origin == foreign && !is.controlled
	if finding.Need != Valid {
		return
	}
	switch {
	case finding.RemoveOwner:
		finding.Need, finding.Message = Unowned, "is written by "+is.writer+" and must not be deleted with the GatewayTenant"
	case is.managed() && format.HandedOver(secret):
		finding.Need, finding.Message = Unowned, "is handed over to the operator"
	case is.managed() && !owned:
		finding.Need, finding.Message = Unowned, "has no owner"
	}
}

// othersBlock says why a Secret cannot be issued although it could be written: the CA must be replaced first and cannot
// be, the Secret has no room for another CA, or the other side would not trust it and cannot be made to. It also returns
// the name of the Secret to hand over, if that would help.
func (s *SecretSet) othersBlock(name string) (why, handOver string) {
	switch name {
	case manifests.CAName:
		return s.noRoomForNextCA(), ""
	case manifests.TokenKeysName:
		return "", ""
	}
	self, other, otherName := s.sides(name)
	if ca := s.find(manifests.CAName); ca.Need >= Invalid && ca.Blocked != "" && !ca.Terminating {
		return "cannot be issued before Secret " + manifests.CAName + " can be used", ca.HandOver
	}
	if full := self.full(s.ca); full != "" {
		return full, ""
	}
	if s.secrets[otherName] == nil || s.trustedBy(other) || s.ca.err == nil && self.issuedBy(s.ca) { // then it is no other CA than now
		return "", ""
	}
	if why := s.Refusal(otherName); why != "" {
		return "Secret " + otherName + " would have to trust another CA, but it " + why, s.sources[otherName].handOver(otherName)
	}
	if full := other.full(s.ca); full != "" {
		return "Secret " + otherName + " " + full, ""
	}
	return "", ""
}
