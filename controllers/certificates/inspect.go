package certificates

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Inspect compares a tenant's Secrets, by name and as Transform returns them, with their desired state at this time. The operator and certgen both
// use it, so they cannot disagree.
func Inspect(secrets map[string]*corev1.Secret, desired Desired, now time.Time) Observed {
	_, observed := InspectSet(secrets, desired, now)
	return observed
}

// InspectSet does the same and also returns what the Secrets hold.
func InspectSet(secrets map[string]*corev1.Secret, desired Desired, now time.Time) (*SecretSet, Observed) {
	set := readSet(secrets, desired, now)
	observed := Observed{Complete: true}
	for _, name := range manifests.SecretNames {
		if secret := secrets[name]; secret != nil && manifests.OfFormer(secret, desired.Owner) {
			observed.Terminating = true
		}
		if finding := set.find(name); finding.Need != Valid {
			observed.Findings = append(observed.Findings, finding)
			observed.Complete = observed.Complete && finding.Need != Missing && (name != manifests.TokenKeysName || finding.Need < Invalid) // a pod would start with the wrong key's id
		}
	}
	set.describe(&observed)
	return set, observed
}

// describe fills in what the Secrets hold.
func (s *SecretSet) describe(observed *Observed) {
	if s.server.certificate != nil {
		observed.ServerNames = namesOf(s.server.certificate)
		observed.ServerStored, _ = time.Parse(time.RFC3339, string(s.secrets[manifests.ServerTLSName].Data[noteStored]))
	}
	if s.server.certificate != nil && s.client.certificate != nil {
		observed.NotAfter = format.Earliest(s.server.end, s.client.end)
	}
	observed.NextCheck, observed.RenewAt = s.nextCheck(), s.renewAt()
	for _, name := range manifests.SecretNames {
		if is := s.sources[name]; s.secrets[name] != nil && is.origin == foreign {
			observed.Notes = append(observed.Notes, fmt.Sprintf("Secret %s is written by %s and is used as it is", name, is.writer))
		} else if s.secrets[name] != nil && is.origin == unknown {
			observed.Notes = append(observed.Notes, fmt.Sprintf("Secret %s was not issued by the operator and is used as it is", name))
		}
	}
	for _, name := range manifests.SecretNames {
		is, exists := s.sources[name]
		absent := !exists || is.origin == terminating
		if absent && slices.Contains(s.desired.External, name) || !absent && !is.managed() {
			observed.External = append(observed.External, name)
		}
	}
	observed.Delayed = s.delay()
	observed.TokenKeyID = s.tokens.id
	observed.Rotated.Tokens = s.tokens.rotated
	if s.server.rotated == s.client.rotated {
		observed.Rotated.TLS = s.server.rotated
	}
	if s.server.issuedBy(s.ca) && s.client.issuedBy(s.ca) {
		observed.Rotated.CA = s.ca.rotated
	} else if s.server.rotatedCA == s.client.rotatedCA { // theirs is lost, or they are to follow another
		observed.Rotated.CA = s.server.rotatedCA
	}
}

// readSet reads the Secrets, decides where each comes from, and compares them with each other.
func readSet(secrets map[string]*corev1.Secret, desired Desired, now time.Time) *SecretSet {
	s := &SecretSet{now: now, desired: desired, secrets: secrets, sources: map[string]source{}, distrusts: map[string]string{}}
	s.ca = readTLSSecret(secrets[manifests.CAName], format.AnnotationRotateCA, now)
	s.server = readTLSSecret(secrets[manifests.ServerTLSName], format.AnnotationRotateTLS, now)
	s.client = readTLSSecret(secrets[manifests.ClientTLSName], format.AnnotationRotateTLS, now)
	if s.ca.err == nil {
		s.ca.err = checkCA(s.ca.certificate)
	}
	s.server.verify(x509.ExtKeyUsageServerAuth, now)
	s.client.verify(x509.ExtKeyUsageClientAuth, now)
	s.tokens.err = errAbsent
	if keys := secrets[manifests.TokenKeysName]; keys != nil {
		s.tokens.id, s.tokens.rotated = string(keys.Data[format.KeyID]), keys.Annotations[format.AnnotationRotateTokens]
		s.tokens.err = keyFault(keys)
	}
	for name, secret := range secrets {
		s.sources[name] = s.sourceOf(secret)
	}
	s.server.unmanaged = secrets[manifests.ServerTLSName] != nil && !s.sources[manifests.ServerTLSName].managed()
	s.client.unmanaged = secrets[manifests.ClientTLSName] != nil && !s.sources[manifests.ClientTLSName].managed()
	s.distrust(manifests.ClientTLSName, x509.ExtKeyUsageServerAuth)
	s.distrust(manifests.ServerTLSName, x509.ExtKeyUsageClientAuth)
	return s
}

// nextCheck returns the next time at which something is due or expires.
func (s *SecretSet) nextCheck() time.Time {
	var next time.Time
	for _, secret := range []tlsSecret{s.ca, s.server, s.client} {
		if secret.certificate == nil {
			continue
		}
		times := append(slices.Collect(maps.Values(secret.previousUntil)), secret.renewAt(), secret.end)
		for _, certificate := range slices.Concat([]*x509.Certificate{secret.certificate}, secret.intermediates, secret.cas) {
			times = append(times, certificate.NotBefore)
		}
		for _, at := range times {
			if s.now.Before(at) {
				next = format.Earliest(next, at)
			}
		}
	}
	return next
}

// renewAt returns when the first of the certificates that certgen may write is due for renewal.
func (s *SecretSet) renewAt() time.Time {
	var first time.Time
	for name, secret := range map[string]tlsSecret{manifests.CAName: s.ca, manifests.ServerTLSName: s.server, manifests.ClientTLSName: s.client} {
		if secret.err == nil && s.sources[name].managed() {
			first = format.Earliest(first, secret.renewAt())
		}
	}
	return first
}

// Expiry returns when the certificate in a transformed Secret expires, if it holds one that can be read.
func Expiry(transformed *corev1.Secret) (end time.Time, known bool) {
	if transformed == nil {
		return time.Time{}, false
	}
	found, err := format.ParseCertificates(transformed.Data[format.KeyCertificate])
	if err != nil {
		return time.Time{}, false
	}
	return found[0].NotAfter, true
}

// UsableUntil returns until when the certificate of a gateway's clients can be used, or why it cannot.
func UsableUntil(client *corev1.Secret, now time.Time) (time.Time, error) {
	transformed, err := Transform(client)
	if err != nil {
		return time.Time{}, err
	}
	t := readTLSSecret(transformed.(*corev1.Secret), format.AnnotationRotateTLS, now)
	t.verify(x509.ExtKeyUsageClientAuth, now)
	return t.end, t.err
}
