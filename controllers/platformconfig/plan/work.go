package plan

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// Work is an entry to apply.
type Work struct {
	entries.Entry
	// Origin is what the GatewayTenant records as its source: the ConfigMap with the entry, or the name that this sets instead.
	Origin string
	// Refused is why a part of the entry is not applied. It is empty if all of it is.
	Refused string
	// Row is the index of the plan's row about the entry.
	Row int

	bridged bool // whether a GatewayTenant exists and belongs to the bridge
}

// refuse adds a reason why a part of an entry is not applied.
func (w *Work) refuse(reason string) {
	if w.Refused != "" {
		w.Refused += "; " + reason
		return
	}
	w.Refused = message.Truncate(fmt.Sprintf("%s (namespace %q): %s", w.Place, w.Namespace, reason), entries.MaxMessage)
}

// Message returns the message of the report about an entry of which a part is not applied.
func (w Work) Message() string { return w.Refused + "; the rest of the entry is applied" }

// Tenant returns the GatewayTenant to apply for the entry. It has the fields that the entry sets and no others.
func (w Work) Tenant() *unstructured.Unstructured {
	tenant := &unstructured.Unstructured{Object: map[string]any{"spec": w.Spec}}
	tenant.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("GatewayTenant"))
	tenant.SetNamespace(w.Namespace)
	tenant.SetName(v1alpha1.Name)
	tenant.SetLabels(map[string]string{v1alpha1.LabelSource: v1alpha1.SourcePlatformConfig})
	tenant.SetAnnotations(map[string]string{v1alpha1.AnnotationSource: w.Origin})
	return tenant
}
