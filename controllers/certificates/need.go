package certificates

import (
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// need returns what a Secret that exists needs, and why.
func (s *SecretSet) need(name string) (Need, string) {
	rotation := s.desired.Rotation
	switch name {
	case manifests.CAName:
		return s.due(s.ca, rotation.CA)
	case manifests.ServerTLSName:
		if missing := s.server.lacks(s.desired.ServerNames); len(missing) > 0 {
			return Invalid, "lacks " + strings.Join(missing, ", ")
		}
		if surplus := s.surplus(); len(surplus) > 0 {
			return Due, "still carries " + strings.Join(surplus, ", ")
		}
		return s.leafDue(s.server, s.client, rotation.TLS)
	case manifests.ClientTLSName:
		return s.leafDue(s.client, s.server, rotation.TLS)
	}
	if s.tokens.err != nil {
		return Invalid, s.tokens.err.Error()
	}
	if format.RotationPending(rotation.Tokens, s.tokens.rotated) {
		return Due, messageRotate
	}
	return Valid, ""
}

const messageRotate = "is to be rotated"

// due reports whether a certificate must be replaced by a newer one.
func (s *SecretSet) due(t tlsSecret, rotation string) (Need, string) {
	switch {
	case t.err != nil:
		return Invalid, t.err.Error()
	case !s.now.Before(t.renewAt()):
		return Due, "is due for renewal"
	case format.RotationPending(rotation, t.rotated):
		return Due, messageRotate
	}
	return Valid, ""
}

// leafDue does the same for a certificate of the gateway or its clients. The certificates of both sides are always of the
// same CA: once one side has a certificate of the present CA, or if the present CA superseded another, the other side gets
// one of it, too.
func (s *SecretSet) leafDue(leaf, other tlsSecret, rotation string) (Need, string) {
	need, why := s.due(leaf, rotation)
	switch {
	case need != Valid:
		return need, why
	case s.ca.err == nil && !leaf.issuedBy(s.ca) && (s.ca.supersedes || other.err == nil && other.issuedBy(s.ca)):
		return Due, "is to follow its authority"
	case s.ca.err == nil && leaf.issuedBy(s.ca) && leaf.previousUntil.expired(s.previousCAs(leaf, other), s.now):
		return Due, "trusts a former authority whose time is over"
	}
	return Valid, ""
}

// surplus returns the names in the gateway's certificate that are no longer requested. A certificate of another issuer
// stays as it is.
func (s *SecretSet) surplus() []string {
	names := s.desired.ServerNames
	if len(names) == 0 || s.server.err != nil || s.ca.err != nil || !s.server.issuedBy(s.ca) {
		return nil
	}
	return without(namesOf(s.server.certificate), slices.Concat(names, manifests.AlsoServed(s.server.namespace)))
}
