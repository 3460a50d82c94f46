package certificates

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// origin is where a Secret comes from. It decides whether certgen may change the Secret.
type origin int

// Origins.
const (
	// ours: certgen issued it, took it over, or was handed it. It is managed fully.
	ours origin = iota
	// predecessor: OpenShell's own generator issued it. It is taken over.
	predecessor
	// foreign: another issuer or controller writes it. It is used while it fits, and neither written nor owned.
	foreign
	// unknown: nothing tells where it comes from. It is used like a foreign one: the operator that wrote it would destroy
	// keys that may exist nowhere else, and the one that refused it would stop a gateway that works.
	unknown
	// leaving: it is being deleted, or will be since its GatewayTenant no longer exists.
	leaving
)

// source is the origin of one Secret and, if it is foreign, the name of what writes it.
type source struct {
	origin origin
	writer string
	// controlled is set if another controller owns the Secret, so that it cannot be handed over.
	controlled bool
}

// managed reports whether certgen may write the Secret.
func (s source) managed() bool { return s.origin == ours || s.origin == predecessor }

// handOver returns the Secret's name if certgen could write it once it is handed over.
func (s source) handOver(name string) string {
	if s.controlled || s.origin != foreign && s.origin != unknown {
		return ""
	}
	return name
}

// sourceOf decides the origin of a stripped Secret. The operator, certgen and the kubectl plugin all use it. The set
// holds the certificates of all the tenant's Secrets.
func (s *set) sourceOf(secret *corev1.Secret, uid types.UID) source {
	controller := metav1.GetControllerOf(secret)
	issuer, changedBy := string(secret.Data[noteIssuer]), string(secret.Data[noteChangedBy])
	switch {
	case secret.DeletionTimestamp != nil || manifests.OfFormer(secret, uid):
		return source{origin: leaving}
	case controller != nil && controller.UID != uid:
		return source{origin: foreign, writer: printable(controller.Kind + " " + controller.Name), controlled: true}
	case handedOver(secret):
		return source{origin: ours}
	case issuer != "":
		return source{origin: foreign, writer: issuer}
	case changedBy != "":
		return source{origin: foreign, writer: changedBy}
	case controller != nil || len(secret.Data[noteWritten]) > 0 || s.issuedHere(secret.Name):
		return source{origin: ours}
	case len(secret.Data[noteEmpty]) > 0: // nothing is lost
		return source{origin: ours}
	case s.likePredecessors(secret):
		return source{origin: predecessor}
	}
	return source{origin: unknown}
}

// handedOver reports whether a user hands a Secret over to the operator.
func handedOver(secret *corev1.Secret) bool {
	return secret.Annotations[v1alpha1.AnnotationHandOver] == v1alpha1.HandOverToOperator
}

// ownedBy reports whether the Secret would be deleted together with the GatewayTenant that has this uid.
func ownedBy(secret *corev1.Secret, uid types.UID) bool {
	return slices.ContainsFunc(secret.OwnerReferences, func(owner metav1.OwnerReference) bool { return owner.UID == uid })
}

// issuedHere reports whether the certificate is one of the CA in openshell-gateway-ca or, of that Secret itself, one
// that newAuthority issued.
func (s *set) issuedHere(name string) bool {
	switch name {
	case manifests.CAName:
		return s.ca.certificate != nil && format.IsTenantCA(s.ca.certificate)
	case manifests.ServerTLSName:
		return s.server.of(s.ca)
	case manifests.ClientTLSName:
		return s.client.of(s.ca)
	}
	return false
}

// likePredecessors reports whether a Secret is as OpenShell's generate-certs writes it: both TLS certificates from one
// issuer, under the names that it gives them, and token keys under its three keys and no others.
func (s *set) likePredecessors(secret *corev1.Secret) bool {
	subject := format.ServerCommonName
	switch secret.Name {
	case manifests.TokenKeysName:
		return len(secret.Data[noteTokenKeysOnly]) > 0
	case manifests.CAName:
		return false
	case manifests.ClientTLSName:
		subject = format.ClientCommonName
	}
	self, other, _ := s.sides(secret.Name)
	if self.certificate == nil || self.certificate.Subject.CommonName != subject || self.certificate.Issuer.CommonName != format.CACommonName {
		return false
	}
	return other.certificate == nil || string(other.certificate.RawIssuer) == string(self.certificate.RawIssuer)
}

// refusal says why certgen must not or cannot change the contents of a Secret. It is empty if certgen can.
func (s *set) refusal(secret *corev1.Secret) string {
	is, wanted := s.sources[secret.Name], format.TypeOf(secret.Name)
	remove := fmt.Sprintf("delete it to have it issued again: kubectl delete secret %s -n %s", secret.Name, secret.Namespace)
	switch {
	case is.origin == leaving:
		return "is still being removed"
	case is.controlled:
		return fmt.Sprintf("is controlled by %s, which must change it", is.writer)
	case is.origin == foreign:
		return fmt.Sprintf("is written by %s, which must change it", is.writer)
	case is.origin == unknown:
		return "was not issued by the operator, which therefore does not overwrite it"
	case secret.Immutable != nil && *secret.Immutable:
		return "is immutable; " + remove
	case secret.Type != wanted && secret.Type != corev1.SecretTypeOpaque:
		return fmt.Sprintf("is of type %s, which cannot be changed; %s", secret.Type, remove)
	}
	return ""
}
