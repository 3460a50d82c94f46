package certificates

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// sourceOf decides where a Secret comes from, by its own content and the certificates of the tenant's other Secrets. The
// operator, certgen and the kubectl plugin all use it.
func (s *SecretSet) sourceOf(secret *corev1.Secret) source {
	uid := s.desired.Owner
	controller := metav1.GetControllerOf(secret)
	issuer, changedBy := string(secret.Data[noteIssuer]), string(secret.Data[noteChangedBy])
	switch {
	case secret.DeletionTimestamp != nil || manifests.OfFormer(secret, uid):
		return source{origin: terminating}
	case controller != nil && controller.UID != uid:
		return source{origin: foreign, writer: printable(controller.Kind + " " + controller.Name), controlled: true}
	case format.HandedOver(secret):
		return source{origin: ours}
	case issuer != "":
		return source{origin: foreign, writer: issuer}
	case changedBy != "":
		return source{origin: foreign, writer: changedBy}
	case controller != nil && len(secret.Data[noteTouched]) > 0 || len(secret.Data[noteWritten]) > 0 || s.issuedHere(secret.Name):
		return source{origin: ours}
	case len(secret.Data[noteEmpty]) > 0: // nothing is lost
		return source{origin: ours}
	case s.likePredecessors(secret):
		return source{origin: predecessor}
	}
	return source{origin: unknown}
}

// issuedHere reports whether the certificate is one of the CA in openshell-gateway-ca or, of that Secret itself, one
// that certgen issued.
func (s *SecretSet) issuedHere(name string) bool {
	switch name {
	case manifests.CAName:
		return s.ca.certificate != nil && format.IsTenantCA(s.ca.certificate)
	case manifests.ServerTLSName:
		return s.server.issuedBy(s.ca)
	case manifests.ClientTLSName:
		return s.client.issuedBy(s.ca)
	}
	return false
}

// likePredecessors reports whether a Secret is as OpenShell's generate-certs writes it: both TLS certificates from one
// issuer, under the names that it gives them, and token keys under its three keys and no others. The CA that cert-manager
// makes for OpenShell's Helm chart has the same common name, and no organization.
func (s *SecretSet) likePredecessors(secret *corev1.Secret) bool {
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
	if self.certificate == nil || self.certificate.Subject.CommonName != subject || !format.IsOpenShellName(self.certificate.Issuer) {
		return false
	}
	return other.certificate == nil || string(other.certificate.RawIssuer) == string(self.certificate.RawIssuer)
}
