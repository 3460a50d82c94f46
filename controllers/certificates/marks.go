package certificates

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
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

// contentKey is the key of a Secret that tells one certificate or token key from another.
func contentKey(name string) string {
	if name == manifests.TokenKeysName {
		return keyPublic
	}
	return keyCertificate
}

// contentID identifies the certificate or the token key in a Secret, whether it can be read or not. It is empty if the
// Secret holds none, so that nothing is lost if the Secret is overwritten.
func contentID(secret *corev1.Secret) string {
	text := bytes.TrimPrefix(secret.Data[contentKey(secret.Name)], []byte(byteOrderMark))
	if len(text) > mostBytes {
		return "too-long"
	}
	blocks := certificateBlocks(text, 1)
	if secret.Name == manifests.TokenKeysName {
		block, _ := pem.Decode(text)
		blocks = []*pem.Block{block}
	}
	if len(blocks) == 0 || blocks[0] == nil {
		return ""
	}
	sum := sha256.Sum256(blocks[0].Bytes)
	return hex.EncodeToString(sum[:8])
}

// lastWriter reports whether the certificate or token key in a Secret is the one that certgen wrote or took over last, and
// otherwise names the client that has replaced it since. Restored Secrets keep the annotation that tells it.
// Those of earlier releases do not have the annotation; their managed fields tell.
func lastWriter(secret *corev1.Secret) (byCertgen bool, changedBy string) {
	certgen, other := contentManagers(secret)
	id := contentID(secret)
	if last, noted := secret.Annotations[annotationContent]; noted {
		switch {
		case id == last || id == "" || certgen != nil && owns(certgen, secret.Name): // an earlier certgen does not know the annotation
			return true, ""
		case other != nil:
			return false, "the field manager " + printable(other.Manager)
		}
		return false, "another client"
	}
	switch {
	case certgen == nil:
		return false, ""
	case owns(certgen, secret.Name):
		return true, ""
	case other != nil && id != "" && certgen.Time.Before(other.Time):
		return false, "the field manager " + printable(other.Manager)
	}
	return false, ""
}

// contentManagers returns certgen's entry in a Secret's managed fields and the last one of another manager that owns
// the certificate or token key.
func contentManagers(secret *corev1.Secret) (certgen, other *metav1.ManagedFieldsEntry) {
	for i := range secret.ManagedFields {
		entry := &secret.ManagedFields[i]
		switch {
		case entry.Manager == manifests.CertgenName && entry.Operation == metav1.ManagedFieldsOperationUpdate:
			certgen = entry
		case entry.Manager != manifests.CertgenName && owns(entry, secret.Name) && (other == nil || other.Time.Before(entry.Time)):
			other = entry
		}
	}
	return certgen, other
}

// owns reports whether an entry of managed fields owns the certificate or token key of the Secret with this name.
func owns(entry *metav1.ManagedFieldsEntry, name string) bool {
	var fields struct {
		Data map[string]json.RawMessage `json:"f:data"`
	}
	if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
		return false
	}
	_, owned := fields.Data["f:"+contentKey(name)]
	return owned
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
