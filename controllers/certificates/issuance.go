package certificates

import (
	"crypto/x509"
	"maps"
	"slices"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
)

// ToIssue returns the names of the TLS Secrets that need a new certificate: urgent are those whose present one cannot be
// used, and the others can wait until all sides trust the CA. If one side gets its first certificate of the present CA, so
// does the other. Clients come first.
func (s *SecretSet) ToIssue(observed Observed) (urgent, others []string) {
	some := slices.ContainsFunc(format.TLSNames, func(name string) bool {
		finding := observed.Finding(name)
		return finding.Need >= Due && finding.Blocked == ""
	})
	for _, name := range format.TLSNames {
		side, _, _ := s.sides(name)
		switch finding := observed.Finding(name); {
		case finding.Blocked != "":
		case side.err != nil:
			urgent = append(urgent, name)
		case finding.Need >= Due || some && !side.issuedBy(s.ca) && s.Refusal(name) == "":
			others = append(others, name)
		}
	}
	return urgent, others
}

// TrustedCAs returns the CAs in the ca.crt of a TLS Secret, and whether the Secret can be used and certgen may add a CA.
func (s *SecretSet) TrustedCAs(name string) (cas []*x509.Certificate, extensible bool) {
	side, _, _ := s.sides(name)
	return side.cas, side.err == nil && s.Refusal(name) == ""
}

// TrustedSince returns the last time at which a CA that has not issued a certificate yet was added to a ca.crt. It is zero
// if there is none.
func (s *SecretSet) TrustedSince() time.Time {
	var since time.Time
	for _, side := range []tlsSecret{s.client, s.server} {
		if side.err == nil && side.trustedSince.After(since) {
			since = side.trustedSince
		}
	}
	return since
}

// PreviousCAs returns the CAs that a TLS Secret goes on trusting in addition to the present one, and the text of the
// annotation that records until when. The CA that issued the Secret's last certificate becomes a previous one now, to be
// trusted for the overlap; others keep their time. A CA of which the other side still shows a certificate stays in any
// case, and so does one that never was the tenant's.
func (s *SecretSet) PreviousCAs(name string, present *x509.Certificate, overlap time.Duration) (previous []*x509.Certificate, until string) {
	side, other, _ := s.sides(name)
	trusted, expiry := s.toTrust(name), trustExpiry{}
	maps.Copy(expiry, side.previousUntil)
	if s.trustsLikeOther(name) {
		maps.Copy(expiry, other.previousUntil)
	}
	for _, ca := range trusted {
		switch {
		case ca.Equal(present):
			continue
		case !s.isTenantsOwn(ca, side.previousUntil) && !s.isTenantsOwn(ca, other.previousUntil):
			previous = append(previous, ca)
			continue
		case !s.now.Before(ca.NotAfter):
			continue
		}
		needed := s.stillNeeds(other, ca)
		end, recorded := expiry[caID(ca)]
		if !recorded && (side.previousUntil == nil || needed || format.IssuedBy(side.certificate, ca)) {
			end = s.now.Add(overlap)
			expiry[caID(ca)] = end
		}
		if needed || s.now.Before(end) {
			previous = append(previous, ca)
		}
	}
	return previous, expiry.text(previous)
}

// trustsLikeOther reports whether the TLS Secret is to trust what the other one trusts: it is missing, is of another CA than
// the present one, or does not trust the other side.
func (s *SecretSet) trustsLikeOther(name string) bool {
	side, _, _ := s.sides(name)
	return !side.issuedBy(s.ca) || s.distrusts[name] != ""
}

// toTrust returns the CAs in a TLS Secret's ca.crt, with those of the other side that it is to trust, too: all of them if it
// lost its own or does not trust the other side.
func (s *SecretSet) toTrust(name string) []*x509.Certificate {
	side, other, _ := s.sides(name)
	if !s.trustsLikeOther(name) {
		return side.cas
	}
	all := side.certificate == nil || s.distrusts[name] != ""
	return slices.Concat(side.cas, slices.DeleteFunc(slices.Clone(other.cas), func(ca *x509.Certificate) bool {
		return !all && !s.isTenantsOwn(ca, other.previousUntil) && !format.IssuedBy(other.certificate, ca)
	}))
}
