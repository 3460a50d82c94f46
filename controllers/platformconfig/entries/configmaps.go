package entries

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// Key is the key of a ConfigMap that holds the entries.
	Key = "namespaces"
	// LabelShard marks, with the value true, further ConfigMaps with entries: the size of a ConfigMap is limited.
	LabelShard = "openshell.ambient-code.io/platform-config"
	// AnnotationConfirm on a ConfigMap with entries confirms one removal that is held. Its value is the token of the hold.
	AnnotationConfirm = "openshell.ambient-code.io/confirm-removal"
	// StatusSuffix is appended to the name of the first ConfigMap to name the report, since a ConfigMap has no status.
	StatusSuffix = "-status"
)

// ConfigMaps identifies the ConfigMaps of the bridge. All of them are in one namespace.
type ConfigMaps struct {
	// First is the ConfigMap that has entries without the label.
	First types.NamespacedName
}

// Report returns the name of the ConfigMap that reports the state of the entries.
func (c ConfigMaps) Report() types.NamespacedName {
	return types.NamespacedName{Namespace: c.First.Namespace, Name: c.First.Name + StatusSuffix}
}

// IsReport reports whether a ConfigMap of the namespace is the report.
func (c ConfigMaps) IsReport(config metav1.Object) bool { return config.GetName() == c.Report().Name }

// HasEntries reports whether a ConfigMap of the namespace is one with entries.
func (c ConfigMaps) HasEntries(config metav1.Object) bool {
	return config.GetName() == c.First.Name || config.GetLabels()[LabelShard] == "true" && !c.IsReport(config)
}

// Include reports whether the bridge reads a ConfigMap of the namespace.
func (c ConfigMaps) Include(config metav1.Object) bool {
	return c.IsReport(config) || c.HasEntries(config)
}
