package certificates

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
)

// formerEnds is until when authorities beside the present one are trusted, by their ids; nil: nothing is said about any.
// Where something is said, the time of one that is not named is over.
type formerEnds map[string]time.Time

// parseFormerEnds reads the annotation: id=time, with commas between; whatever else it holds names no authority.
func parseFormerEnds(secret *corev1.Secret) formerEnds {
	text, said := secret.Annotations[format.AnnotationPreviousUntil]
	if !said {
		return nil
	}
	ends := formerEnds{}
	for part := range strings.SplitSeq(text, ",") {
		id, end, _ := strings.Cut(part, "=")
		if until, err := time.Parse(time.RFC3339, end); err == nil {
			ends[id] = until
		}
	}
	return ends
}

// text is the annotation's value for these authorities.
func (e formerEnds) text(authorities []*x509.Certificate) string {
	var parts []string
	for _, authority := range authorities {
		if end, there := e[idOf(authority)]; there {
			parts = append(parts, idOf(authority)+"="+end.UTC().Format(time.RFC3339))
		}
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), ",")
}

// over tells whether the time of one of the authorities is over.
func (e formerEnds) over(authorities []*x509.Certificate, now time.Time) bool {
	return e != nil && slices.ContainsFunc(authorities, func(authority *x509.Certificate) bool {
		return !now.Before(e[idOf(authority)]) // the zero time of one that is not named is over, too
	})
}

// idOf names an authority: the beginning of its certificate's SHA-256, in hex.
func idOf(authority *x509.Certificate) string {
	sum := sha256.Sum256(authority.Raw)
	return hex.EncodeToString(sum[:8])
}

// formerAuthorities returns the tenant's previous CAs that a side trusts and that the other side no longer needs.
func (s *set) formerAuthorities(p, other part) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(p.authorities), func(c *x509.Certificate) bool {
		return c.Equal(s.ca.certificate) || s.stillNeeds(other, c) || !s.isTenantsOwn(c, p.former)
	})
}

// stillNeeds reports whether a side needs a previous CA to be trusted by the other side: it shows a certificate of that CA,
// or certgen may not write its Secret, whose ca.crt has that CA and not the present one.
func (s *set) stillNeeds(side part, previous *x509.Certificate) bool {
	if !side.of(s.ca) && side.of(part{certificate: previous}) {
		return true
	}
	return side.unmanaged && slices.ContainsFunc(side.authorities, previous.Equal) && !slices.ContainsFunc(side.authorities, s.ca.certificate.Equal)
}

// isTenantsOwn reports whether a CA in a ca.crt is or was the tenant's own, so that it goes when its time is over: it has the
// name of one, its end is noted, or it vouched for the present one. Any other CA was added by a user and stays.
func (s *set) isTenantsOwn(ca *x509.Certificate, noted formerEnds) bool {
	_, ends := noted[idOf(ca)]
	return ends || format.IsOpenShellCA(ca) && !s.ofAnotherTenant(ca) || s.vouchedBy(ca)
}

// ofAnotherTenant reports whether newAuthority issued a CA certificate for another namespace.
func (s *set) ofAnotherTenant(ca *x509.Certificate) bool {
	return format.IsTenantCA(ca) && ca.Subject.OrganizationalUnit[0] != cmp.Or(s.server.namespace, s.client.namespace, s.ca.namespace)
}

// vouchedBy reports whether a previous CA vouches for the present one by a cross-certificate. What follows the certificate
// of a CA that a user supplied is the chain to its root, and no cross-certificate.
func (s *set) vouchedBy(ca *x509.Certificate) bool {
	return s.ca.certificate != nil && format.IsTenantCA(s.ca.certificate) && slices.ContainsFunc(s.ca.intermediates, func(cross *x509.Certificate) bool {
		return part{certificate: cross}.of(part{certificate: ca})
	})
}
