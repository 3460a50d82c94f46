package entries

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

const (
	// Key is the key of a ConfigMap that holds the entries.
	Key = "namespaces"
	// LabelShard marks, with the value true, further ConfigMaps with entries: the size of a ConfigMap is limited.
	LabelShard = "openshell.ambient-code.io/platform-config"
	// AnnotationConfirm on a ConfigMap with entries confirms one removal that is held. Its value is the token of the hold.
	AnnotationConfirm = "openshell.ambient-code.io/confirm-removal"
	// AnnotationSourceName on a ConfigMap with entries is the name under which GatewayTenants record that they come from it, instead
	// of the ConfigMap's own. A generator that gives its ConfigMap another name each time sets it, so that each of them replaces the
	// one before it.
	AnnotationSourceName = "openshell.ambient-code.io/source-name"
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

// SourceOf returns what GatewayTenants record as the source of a ConfigMap's entries, as namespace/name.
func SourceOf(config metav1.Object) string {
	name := config.GetName()
	if given := config.GetAnnotations()[AnnotationSourceName]; given != "" {
		name = given
	}
	return config.GetNamespace() + "/" + name
}

// checkSourceName returns an error if the source name of a ConfigMap could not be the name of one.
func checkSourceName(config metav1.Object) error {
	name := config.GetAnnotations()[AnnotationSourceName]
	if problems := validation.IsDNS1123Subdomain(name); name != "" && len(problems) > 0 {
		return fmt.Errorf("the annotation %s is %q, which could not be the name of a ConfigMap: %s", AnnotationSourceName, message.Truncate(name, 80), problems[0])
	}
	return nil
}
