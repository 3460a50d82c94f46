package certificates

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Wanted is what a tenant's Secrets shall be.
type Wanted struct {
	// Owner is the uid of the GatewayTenant that they shall belong to.
	Owner types.UID
	// ServerNames are the names that the gateway's certificate must carry, and no others but those that every gateway has;
	// none: what it carries is right, since the spec is rejected and does not tell.
	ServerNames []string
	// Rotation is what shall have been made anew.
	Rotation manifests.Rotation
}

// Need is what a Secret needs, from nothing to everything.
type Need int

// Needs.
const (
	Fits    Need = iota
	Unowned      // it fits, but would outlive the tenant
	Due          // it does its work, and it is time for a newer one
	Unfit        // it is there, and does not do its work
	Missing
)

// Finding is one Secret that needs something.
type Finding struct {
	Secret string
	Need   Need
	// Why says what is the matter; it follows the Secret's name, and no clock is in it.
	Why string
	// Blocked says why certgen cannot help. It is empty if it can.
	Blocked string
	// HandOver names the Secret that a user must hand over to the operator for certgen to help, if that would suffice.
	HandOver string
	// Release is set if the Secret is not the operator's and would be deleted with the GatewayTenant, so that certgen
	// must remove its owner.
	Release bool
	// Leaving is set if the Secret is still being removed.
	Leaving bool
}

// String says what is the matter with the Secret.
func (f Finding) String() string {
	if f.Blocked == "" {
		return fmt.Sprintf("Secret %s %s", f.Secret, f.Why)
	}
	return fmt.Sprintf("Secret %s %s, and %s", f.Secret, f.Why, f.Blocked)
}

// Seen is what a tenant's Secrets are, as far as the operator looks at them.
type Seen struct {
	// Findings are the Secrets that need something.
	Findings []Finding
	// ServerNames are the names that the gateway's certificate carries, sorted.
	ServerNames []string
	// ServerStored is when the gateway's certificate was stored in its Secret, at the earliest. It is zero if that is not known.
	ServerStored time.Time
	// NotAfter is when the first of the gateway's and its clients' certificates ends; zero while one is missing.
	NotAfter time.Time
	// NextLook is when time alone will change something; zero: never.
	NextLook time.Time
	// TokenKey is the id of the token key; empty while there is none.
	TokenKey string
	// Complete tells that all Secrets exist and stay, so that a pod which mounts them can start.
	Complete bool
	// Leaving tells that some Secret is a former gateway's, which the garbage collector takes.
	Leaving bool
	// Rotated are the rotations that are done.
	Rotated manifests.Rotation
	// Notes are full clauses about what is not managed, or is put off, though nothing is wrong.
	Notes []string
}

// Worst is the greatest need of all Secrets.
func (s Seen) Worst() Need {
	worst := Fits
	for _, finding := range s.Findings {
		worst = max(worst, finding.Need)
	}
	return worst
}

// Work tells whether there is something for certgen to do. While a former gateway's Secrets are being removed there is
// not: what it makes hangs together, and it would fail at those. Their end is an event.
func (s Seen) Work() bool {
	return !s.Leaving && slices.ContainsFunc(s.Findings, func(f Finding) bool { return f.Blocked == "" || f.Release })
}

// Of is what was found about a Secret; the zero Finding if it needs nothing.
func (s Seen) Of(name string) Finding {
	for _, finding := range s.Findings {
		if finding.Secret == name {
			return finding
		}
	}
	return Finding{Secret: name}
}

// Inspect holds a tenant's Secrets, stripped and by name, against what they shall be and the time. The operator and
// certgen both ask it, so they cannot disagree.
func Inspect(secrets map[string]*corev1.Secret, wanted Wanted, now time.Time) Seen {
	_, seen := inspect(secrets, wanted, now)
	return seen
}

// inspect is Inspect, with what the Secrets hold.
func inspect(secrets map[string]*corev1.Secret, wanted Wanted, now time.Time) (*set, Seen) {
	set := readSet(secrets, wanted.Owner, now)
	seen := Seen{Complete: true}
	for _, name := range manifests.SecretNames {
		if secret := secrets[name]; secret != nil && manifests.OfFormer(secret, wanted.Owner) {
			seen.Leaving = true
		}
		if finding := set.find(name, secrets, wanted); finding.Need != Fits {
			seen.Findings = append(seen.Findings, finding)
			seen.Complete = seen.Complete && finding.Need != Missing && (name != manifests.TokenKeysName || finding.Need < Unfit) // a pod would start with the wrong key's id
		}
	}
	set.describe(&seen, secrets)
	return set, seen
}

// describe fills in what the Secrets hold.
func (s *set) describe(seen *Seen, secrets map[string]*corev1.Secret) {
	if s.server.certificate != nil {
		seen.ServerNames = namesOf(s.server.certificate)
		seen.ServerStored, _ = time.Parse(time.RFC3339, string(secrets[manifests.ServerTLSName].Data[noteStored]))
	}
	if s.server.certificate != nil && s.client.certificate != nil {
		seen.NotAfter = format.Earliest(s.server.end, s.client.end)
	}
	seen.NextLook = s.nextLook()
	for _, name := range manifests.SecretNames {
		if is := s.sources[name]; secrets[name] != nil && is.origin == foreign {
			seen.Notes = append(seen.Notes, fmt.Sprintf("Secret %s is written by %s and is used as it is", name, is.writer))
		} else if secrets[name] != nil && is.origin == unknown {
			seen.Notes = append(seen.Notes, fmt.Sprintf("Secret %s was not issued by the operator and is used as it is", name))
		}
	}
	if waits := s.waitsForPrevious(); waits != "" {
		seen.Notes = append(seen.Notes, waits)
	}
	seen.TokenKey = s.tokens.id
	seen.Rotated.Tokens = s.tokens.rotated
	if s.server.rotated == s.client.rotated {
		seen.Rotated.TLS = s.server.rotated
	}
	if s.server.of(s.ca) && s.client.of(s.ca) {
		seen.Rotated.CA = s.ca.rotated
	} else if s.server.rotatedCA == s.client.rotatedCA { // theirs is lost, or they are to follow another
		seen.Rotated.CA = s.server.rotatedCA
	}
}

// nextLook is the first moment still to come at which something is due or ends.
func (s *set) nextLook() time.Time {
	var next time.Time
	for _, one := range []part{s.ca, s.server, s.client} {
		if one.certificate == nil {
			continue
		}
		moments := append(slices.Collect(maps.Values(one.former)), one.renewAt(), one.end)
		for _, certificate := range slices.Concat([]*x509.Certificate{one.certificate}, one.intermediates, one.authorities) {
			moments = append(moments, certificate.NotBefore)
		}
		for _, moment := range moments {
			if s.now.Before(moment) {
				next = format.Earliest(next, moment)
			}
		}
	}
	return next
}

// EndOf tells when the certificate in a stripped Secret ends, if there is one that can be read.
func EndOf(stripped *corev1.Secret) (end time.Time, known bool) {
	if stripped == nil {
		return time.Time{}, false
	}
	found, err := format.ParseCertificates(stripped.Data[format.KeyCertificate])
	if err != nil {
		return time.Time{}, false
	}
	return found[0].NotAfter, true
}
