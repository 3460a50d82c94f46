package platformconfig

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
)

// independent are the fields of an entry's gateway on which no other field depends. If only these are rejected and the
// GatewayTenant exists, the rest of the entry is applied, and these fields stay as they are.
var independent = [...]string{"network", "serverDnsNames", "storage"}

// independentIn returns the independent field that a path below the prefix is in. It is empty if there is none.
func independentIn(path, prefix string) string {
	path, is := strings.CutPrefix(path, prefix)
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		end = len(path)
	}
	if !is || !slices.Contains(independent[:], path[:end]) {
		return ""
	}
	return path[:end]
}

// linesOf returns the lines of the independent fields that an entry sets. A line is 0 if it does not set the field itself.
func linesOf(item *yaml.Node) (lines [len(independent)]int) {
	gateway := Child(item, "gateway")
	for i, field := range independent {
		if value := Child(gateway, field); value != nil {
			lines[i] = value.Line
		}
	}
	return lines
}

// keeping returns the entry with fields as the bridge applied them before. An apply without them would withdraw them.
func (e Entry) keeping(tenant *v1alpha1.GatewayTenant, fields ...string) Entry {
	e.Spec = maps.Clone(e.Spec)
	e.Kept = slices.Concat(e.Kept, fields)
	var spec map[string]any
	if err := convert(tenant.Spec, &spec); err != nil {
		panic(err) // a spec has strings, lists and maps only
	}
	applied := fieldsOf(tenant)
	for _, field := range fields {
		delete(e.Spec, field)
		if value, is := appliedValue(spec, applied, field); is {
			e.Spec[field] = value
		}
	}
	return e
}

// appliedValue returns what the bridge applied as a field of a spec, and reports whether it applied any. Applied are the
// fields that it applied.
func appliedValue(spec map[string]any, applied *fieldpath.Set, field string) (any, bool) {
	if values, is := spec[field].(map[string]any); is {
		maps.DeleteFunc(values, func(key string, _ any) bool { return !setIn(applied, field, key) })
		return values, len(values) > 0 || setIn(applied, field)
	}
	switch value, is := spec[field]; {
	case !setIn(applied, field):
		return nil, false
	case is:
		return value, true
	case field == "serverDnsNames": // a spec leaves an empty list out
		return []any{}, true
	}
	return map[string]any{}, true
}

// Fault is what the API server refuses about a field of a GatewayTenant.
type Fault struct{ Field, Message string }

// WithoutFaults returns the work without the independent fields that the API server refuses, and reports whether the rest
// can be applied to the GatewayTenant that exists (nil if none does).
func (w Work) WithoutFaults(tenant *v1alpha1.GatewayTenant, faults []Fault) (Work, bool) {
	if tenant == nil || !Bridged(tenant) || len(faults) == 0 {
		return w, false
	}
	var fields, messages []string
	for _, fault := range faults {
		field := independentIn(fault.Field, "spec.")
		if field == "" || slices.Contains(w.Kept, field) {
			return w, false
		}
		if !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
		path := "gateway." + strings.TrimPrefix(fault.Field, "spec.")
		messages = append(messages, fmt.Sprintf("line %d: %s: %s; correct it", w.lineOf(field), path, fault.Message))
	}
	w.Entry = w.keeping(tenant, fields...)
	w.refuse(strings.Join(messages, "; "))
	return w, true
}

// lineOf returns the line of an independent field, or else that of the entry.
func (e Entry) lineOf(field string) int {
	if line := e.lines[slices.Index(independent[:], field)]; line > 0 {
		return line
	}
	return e.Line
}

// refuse adds why a part of an entry is not applied.
func (w *Work) refuse(reason string) {
	if w.Refused != "" {
		w.Refused += "; " + reason
		return
	}
	w.Refused = message.Truncate(fmt.Sprintf("%s (namespace %q): %s", w.Place, w.Namespace, reason), mostMessage)
}

// Message returns what the report says of an entry of which a part is not applied.
func (w *Work) Message() string { return w.Refused + "; the rest of the entry is applied" }

// faultsOf returns what the API server refuses about the fields of a GatewayTenant.
func faultsOf(err error) []Fault {
	status := apierrors.APIStatus(nil)
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var faults []Fault
	for _, cause := range status.Status().Details.Causes {
		faults = append(faults, Fault{cause.Field, cause.Message})
	}
	return faults
}

// classChange returns why the storage class of an entry's volume is rejected. It is empty if it is not.
func classChange(entry Entry, tenant *v1alpha1.GatewayTenant) string {
	const field = "gateway.storage.storageClassName"
	storage, _ := entry.Spec["storage"].(map[string]any)
	is, given := storage["storageClassName"].(string)
	was := tenant.Spec.Storage.StorageClassName
	line := entry.lineOf("storage")
	switch {
	case slices.Contains(entry.Kept, "storage") || is == was || !given && !Sets(tenant, "storage", "storageClassName"):
		return ""
	case !given:
		return fmt.Sprintf("line %d: %s is removed, and the storage class of a volume cannot be changed; write %q", line, field, was)
	case was == "":
		return fmt.Sprintf("line %d: %s: %q is added, and the storage class of a volume cannot be changed; remove it", line, field, is)
	}
	return fmt.Sprintf("line %d: %s: %q differs from %q, and the storage class of a volume cannot be changed; write %q", line, field, is, was, was)
}

// Sets reports whether the bridge sets a field of a GatewayTenant's spec, so that no other value stays.
func Sets(tenant metav1.Object, path ...any) bool { return setIn(fieldsOf(tenant), path...) }

// fieldsOf returns the fields of a GatewayTenant that the bridge sets.
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

// setIn reports whether a field of the spec is among the fields of a GatewayTenant.
func setIn(fields *fieldpath.Set, path ...any) bool {
	return fields.Has(fieldpath.MakePathOrDie(append([]any{"spec"}, path...)...))
}
