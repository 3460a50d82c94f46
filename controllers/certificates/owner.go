package certificates

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

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
	// annotationSupersedes is on an authority that took another's place on purpose, so that what the other signed is
	// made anew. One that was made because there was none leaves it as it is.
	annotationSupersedes = "openshell.ambient-code.io/supersedes"
)

// annotations are all of them.
var annotations = []string{annotationRotateTLS, annotationRotateCA, annotationRotateTokens, annotationFormerUntil, annotationTrustedSince, annotationSupersedes}

// owner is whose a Secret is.
type owner int

const (
	ours     owner = iota
	nobody         // it was made elsewhere, and is taken over
	leaving        // it is being deleted, or was a former GatewayTenant's and will be
	stranger       // another controller looks after it
)

func ownerOf(secret *corev1.Secret, uid types.UID) owner {
	controller := metav1.GetControllerOf(secret)
	switch {
	case secret.DeletionTimestamp != nil:
		return leaving
	case controller == nil:
		return nobody
	case controller.UID == uid:
		return ours
	case manifests.OfFormer(secret, uid):
		return leaving
	}
	return stranger
}

// blocked says why the contents of a Secret cannot or must not be changed; empty: they can.
func blocked(secret *corev1.Secret, uid types.UID) string {
	switch wanted, owner := typeOf(secret.Name), ownerOf(secret, uid); {
	case owner == leaving:
		return "is still being removed"
	case owner == stranger:
		controller := metav1.GetControllerOf(secret)
		return fmt.Sprintf("is for %s %s to change, which controls it", controller.Kind, controller.Name)
	case secret.Immutable != nil && *secret.Immutable:
		return "is immutable; delete it, and it is made anew"
	case secret.Type != wanted && secret.Type != corev1.SecretTypeOpaque:
		return fmt.Sprintf("is of type %s, which cannot be changed; delete it, and it is made anew", secret.Type)
	}
	return ""
}

// typeOf is the type of a Secret that certgen makes. One that was made elsewhere may be Opaque, too: it is mounted alike.
func typeOf(name string) corev1.SecretType {
	if name == manifests.TokenKeysName {
		return corev1.SecretTypeOpaque
	}
	return corev1.SecretTypeTLS
}
