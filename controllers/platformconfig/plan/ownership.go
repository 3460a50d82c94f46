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

// Bridged reports whether a GatewayTenant has the marks of the bridge: the label together with the source, or an entry of the
// bridge in managedFields. A plan does not rely on marks alone.
func Bridged(tenant metav1.Object) bool { return labelled(tenant) || appliedByBridge(tenant) }

// labelled reports whether a GatewayTenant has the bridge's label and source. An admission policy lets only users with the right
// to hand it over write them. They survive a backup.
func labelled(tenant metav1.Object) bool {
	return tenant.GetLabels()[v1alpha1.LabelSource] == v1alpha1.SourcePlatformConfig && tenant.GetAnnotations()[v1alpha1.AnnotationSource] != ""
}

// appliedByBridge reports whether managedFields say that the bridge applied a GatewayTenant. Any client that may change it can
// write under that name.
func appliedByBridge(tenant metav1.Object) bool {
	for _, entry := range tenant.GetManagedFields() {
		if entry.Manager == FieldOwner {
			return true
		}
	}
	return false
}

// isMarked reports whether a GatewayTenant has the marks without which the bridge removes none. What managedFields say counts
// only if the report says the same, or if there is no report that records it, as after an upgrade from an earlier release.
func (s Snapshot) isMarked(tenant *v1alpha1.GatewayTenant) bool {
	return labelled(tenant) || appliedByBridge(tenant) && (s.Applied == nil || s.wasApplied(tenant.Namespace))
}

// isBridged reports whether a GatewayTenant that an entry asks for belongs to the bridge.
func (s Snapshot) isBridged(tenant *v1alpha1.GatewayTenant) bool {
	return s.isMarked(tenant) || s.wasApplied(tenant.Namespace)
}

// wasApplied reports whether the report records that the bridge has applied an entry in a namespace.
func (s Snapshot) wasApplied(namespace string) bool {
	return s.Applied.has(namespace, s.UIDs[namespace])
}

// originOf returns the source that a GatewayTenant names. Any client may have written it, so it is truncated.
func originOf(tenant metav1.Object) string {
	return message.Truncate(tenant.GetAnnotations()[v1alpha1.AnnotationSource], 320)
}

// Sets reports whether the bridge owns a field of a GatewayTenant's spec, so that it reverts other values.
func Sets(tenant metav1.Object, path ...any) bool { return setIn(fieldsOf(tenant), path...) }

// fieldsOf returns the fields of a GatewayTenant that the bridge applied.
func fieldsOf(tenant metav1.Object) *fieldpath.Set {
	all := fieldpath.NewSet()
	for _, entry := range tenant.GetManagedFields() {
		if entry.Manager != FieldOwner || entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "" || entry.FieldsV1 == nil {
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
