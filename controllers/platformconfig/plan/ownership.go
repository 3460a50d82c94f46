package plan

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// FieldOwner is the bridge's field manager. Other managers may own the fields that an entry does not set.
const FieldOwner = manifests.BridgeManager

// Bridged reports whether the bridge reconciles a GatewayTenant. Either its field manager says so, which an edit of labels
// does not change, or a label together with the source, which survive where managedFields are lost, as in a backup.
func Bridged(tenant metav1.Object) bool {
	for _, entry := range tenant.GetManagedFields() {
		if entry.Manager == FieldOwner {
			return true
		}
	}
	return tenant.GetLabels()[v1alpha1.LabelSource] == v1alpha1.SourcePlatformConfig && tenant.GetAnnotations()[v1alpha1.AnnotationSource] != ""
}

// originOf returns the ConfigMap that a GatewayTenant names as its source. Any client may have written it, so it is truncated.
func originOf(tenant metav1.Object) string {
	return message.Truncate(tenant.GetAnnotations()[v1alpha1.AnnotationSource], 320)
}

// Sets reports whether the bridge owns a field of a GatewayTenant's spec, so that it reverts other values.
func Sets(tenant metav1.Object, path ...any) bool { return setIn(fieldsOf(tenant), path...) }

// fieldsOf returns the fields of a GatewayTenant that the bridge owns.
func fieldsOf(tenant metav1.Object) *fieldpath.Set {
	all := fieldpath.NewSet()
	for _, entry := range tenant.GetManagedFields() {
		if entry.Manager != FieldOwner || entry.FieldsV1 == nil {
			continue
		}
		if set := fieldpath.NewSet(); set.FromJSON(entry.FieldsV1.GetRawReader()) == nil {
			all = all.Union(set)
		}
	}
	return all
}

// setIn reports whether the fields of a GatewayTenant contain a field of its spec.
func setIn(fields *fieldpath.Set, path ...any) bool {
	return fields.Has(fieldpath.MakePathOrDie(append([]any{"spec"}, path...)...))
}
