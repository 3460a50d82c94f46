package certificates

import (
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// lastWriter reports whether the certificate or token key in a Secret is the one that certgen wrote or took over last, and
// otherwise names the client that has replaced it since. It reads an annotation, which restored Secrets keep, or, of Secrets
// from earlier releases, which do not have the annotation, the managed fields.
func lastWriter(secret *corev1.Secret) (byCertgen bool, changedBy string) {
	certgen, other := contentManagers(secret)
	id := format.ContentID(secret)
	if last, noted := secret.Annotations[format.AnnotationContent]; noted {
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

// storedAt returns the earliest time at which the certificate or token key can have been stored in a Secret, by the clock of the
// API server: the last write of a manager that owns it or, if there is none, the creation of the Secret.
func storedAt(secret *corev1.Secret) time.Time {
	stored := secret.CreationTimestamp.Time
	for i := range secret.ManagedFields {
		if entry := &secret.ManagedFields[i]; owns(entry, secret.Name) && entry.Time != nil && entry.Time.After(stored) {
			stored = entry.Time.Time
		}
	}
	return stored
}

// owns reports whether an entry of managed fields owns the certificate or token key of the Secret with this name.
func owns(entry *metav1.ManagedFieldsEntry, name string) bool {
	var fields struct {
		Data map[string]json.RawMessage `json:"f:data"`
	}
	if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
		return false
	}
	_, owned := fields.Data["f:"+format.ContentKey(name)]
	return owned
}
