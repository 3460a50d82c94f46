package certificates

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
)

// trustExpiry is until when previous CAs are trusted, by their IDs. It is nil if a Secret records nothing about any. In
// one that is not nil, the trust in a CA that is not listed has expired.
type trustExpiry map[string]time.Time

// parseTrustExpiry reads the annotation: id=time, separated by commas. It skips what it cannot read.
func parseTrustExpiry(secret *corev1.Secret) trustExpiry {
	text, recorded := secret.Annotations[format.AnnotationPreviousUntil]
	if !recorded {
		return nil
	}
	expiry := trustExpiry{}
	for entry := range strings.SplitSeq(text, ",") {
		id, end, _ := strings.Cut(entry, "=")
		if until, err := time.Parse(time.RFC3339, end); err == nil {
			expiry[id] = until
		}
	}
	return expiry
}

// text returns the annotation's value for these CAs.
func (e trustExpiry) text(cas []*x509.Certificate) string {
	var entries []string
	for _, ca := range cas {
		if until, recorded := e[caID(ca)]; recorded {
			entries = append(entries, caID(ca)+"="+until.UTC().Format(time.RFC3339))
		}
	}
	slices.Sort(entries)
	return strings.Join(slices.Compact(entries), ",")
}

// expired reports whether the trust in one of the CAs has expired.
func (e trustExpiry) expired(cas []*x509.Certificate, now time.Time) bool {
	return e != nil && slices.ContainsFunc(cas, func(ca *x509.Certificate) bool {
		return !now.Before(e[caID(ca)]) // the zero time of a CA that is not listed is over, too
	})
}

// caID identifies a CA: the beginning of its certificate's SHA-256, in hex.
func caID(ca *x509.Certificate) string {
	sum := sha256.Sum256(ca.Raw)
	return hex.EncodeToString(sum[:8])
}
