package certificates

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

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

// issuerOf names the issuer whose marks a Secret bears. It is empty if there is none.
func issuerOf(secret *corev1.Secret) string {
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

// takeOver removes from a Secret what makes it another issuer's, and the annotation that hands it over. If that issuer
// still writes the Secret, it sets its marks again.
func takeOver(secret *corev1.Secret) {
	for _, issuer := range issuers {
		for _, key := range issuer.keys {
			delete(secret.Labels, key)
			delete(secret.Annotations, key)
		}
	}
	delete(secret.Annotations, v1alpha1.AnnotationHandOver)
}

// printable returns a name that a client chose, as far as it can be printed in a message.
func printable(name string) string {
	const most = 64
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, name)
	return name[:min(len(name), most)]
}
