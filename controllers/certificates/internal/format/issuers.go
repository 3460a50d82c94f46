package format

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// issuers are programs that write Secrets without being their controller, with the labels and annotations that each of
// them sets on a Secret that it writes. The keys are taken from their source code and documentation.
var issuers = []struct {
	name string
	keys []string
}{
	// cert-manager: pkg/apis/certmanager/v1/types.go. Annotations that users set themselves, such as
	// cert-manager.io/allow-direct-injection, are not among them.
	{"cert-manager", []string{
		"cert-manager.io/certificate-name", "controller.cert-manager.io/fao", "cert-manager.io/issuer-name", "cert-manager.io/issuer-kind",
		"cert-manager.io/issuer-group", "cert-manager.io/common-name", "cert-manager.io/alt-names", "cert-manager.io/ip-sans", "cert-manager.io/uri-sans",
	}},
	// External Secrets: apis/externalsecrets/v1/externalsecret_types.go.
	{"External Secrets", []string{
		"reconcile.external-secrets.io/managed", "reconcile.external-secrets.io/created-by", "reconcile.external-secrets.io/data-hash",
	}},
	// OpenShift's service CA: openshift/service-ca-operator, pkg/controller/api/api.go.
	{"OpenShift's service CA", []string{
		"service.beta.openshift.io/originating-service-name", "service.alpha.openshift.io/originating-service-name",
		"service.beta.openshift.io/originating-service-uid", "service.alpha.openshift.io/originating-service-uid",
		"service.beta.openshift.io/expiry", "service.alpha.openshift.io/expiry",
	}},
	// Vault Secrets Operator: internal/helpers/secrets.go.
	{"Vault Secrets Operator", []string{"secrets.hashicorp.com/vso-ownerRefUID"}},
	// Secrets Store CSI driver: controllers/secretproviderclasspodstatus_controller.go.
	{"the Secrets Store CSI driver", []string{"secrets-store.csi.k8s.io/managed"}},
	// Sealed Secrets: the README's section on existing Secrets.
	{"Sealed Secrets", []string{"sealedsecrets.bitnami.com/managed", "sealedsecrets.bitnami.com/patch"}},
	// Reflector: the README's section on mirrors.
	{"Reflector", []string{"reflector.v1.k8s.emberstack.com/reflects"}},
}

// IssuerOf returns the name of the issuer whose labels or annotations a Secret has. It is empty if there is none.
func IssuerOf(secret *corev1.Secret) string {
	for _, issuer := range issuers {
		for _, key := range issuer.keys {
			_, label := secret.Labels[key]
			_, annotation := secret.Annotations[key]
			if label || annotation {
				return issuer.name
			}
		}
	}
	return ""
}

// HandedOver reports whether a user hands a Secret over to the operator.
func HandedOver(secret *corev1.Secret) bool {
	return secret.Annotations[v1alpha1.AnnotationHandOver] == v1alpha1.HandOverToOperator
}

// TakeOver removes the labels and annotations of other issuers from a Secret, and the annotation that hands it over. An
// issuer that still writes the Secret sets its own again.
func TakeOver(secret *corev1.Secret) {
	for _, issuer := range issuers {
		for _, key := range issuer.keys {
			delete(secret.Labels, key)
			delete(secret.Annotations, key)
		}
	}
	delete(secret.Annotations, v1alpha1.AnnotationHandOver)
}

// OwnedBy reports whether the Secret would be deleted together with the GatewayTenant that has this uid.
func OwnedBy(secret *corev1.Secret, uid types.UID) bool {
	return slices.ContainsFunc(secret.OwnerReferences, func(owner metav1.OwnerReference) bool { return owner.UID == uid })
}
