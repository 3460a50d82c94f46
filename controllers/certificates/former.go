package certificates

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// formerEnds is until when authorities beside the present one are trusted, by their ids; nil: nothing is said about any.
// Where something is said, the time of one that is not named is over.
type formerEnds map[string]time.Time

// parseFormerEnds reads the annotation: id=time, with commas between; whatever else it holds names no authority.
func parseFormerEnds(secret *corev1.Secret) formerEnds {
	text, said := secret.Annotations[annotationFormerUntil]
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
