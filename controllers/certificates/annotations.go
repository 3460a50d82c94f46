package certificates

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Annotations of the Secrets that certgen makes.
const (
	// The rotation that a Secret was made for, under the name by which it was asked for.
	annotationRotateTLS    = v1alpha1.AnnotationRotateTLS
	annotationRotateCA     = v1alpha1.AnnotationRotateCA
	annotationRotateTokens = v1alpha1.AnnotationRotateTokens
	// annotationFormerUntil is until when former authorities in ca.crt are trusted; see formerEnds.
	annotationFormerUntil = "openshell.ambient-code.io/former-authorities-until"
	// annotationTrustedSince is since when ca.crt has an authority that nothing was issued from yet, in RFC 3339.
	annotationTrustedSince = "openshell.ambient-code.io/trusted-since"
	// annotationSupersedes is on a CA that replaced another on purpose, so that certificates of the other are issued again.
	// They are not if the CA was issued because none existed.
	annotationSupersedes = "openshell.ambient-code.io/supersedes"
	// annotationContent identifies the certificate or token key that certgen wrote or took over last; see contentID. If
	// the Secret holds another one, another client has replaced it.
	annotationContent = "openshell.ambient-code.io/managed-content"
)

// annotations are those that Strip keeps.
var annotations = []string{
	annotationRotateTLS, annotationRotateCA, annotationRotateTokens, annotationFormerUntil, annotationTrustedSince, annotationSupersedes,
	v1alpha1.AnnotationHandOver,
}

// typeOf is the type of a Secret that certgen makes. One that was made elsewhere may be Opaque, too: it is mounted alike.
func typeOf(name string) corev1.SecretType {
	if name == manifests.TokenKeysName {
		return corev1.SecretTypeOpaque
	}
	return corev1.SecretTypeTLS
}
