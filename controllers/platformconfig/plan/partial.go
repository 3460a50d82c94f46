package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

// keeping returns the entry with the values of fields that the bridge applied before. An apply without them would remove them.
func keeping(e entries.Entry, tenant *v1alpha1.GatewayTenant, fields ...string) entries.Entry {
	e.Spec = maps.Clone(e.Spec)
	e.Kept = slices.Concat(e.Kept, fields)
	var spec map[string]any
	text, err := json.Marshal(tenant.Spec)
	if err == nil {
		err = json.Unmarshal(text, &spec)
	}
	if err != nil {
		panic(err) // a spec contains strings, lists and maps only
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

// appliedValue returns the value that the bridge applied to a field of a spec, and reports whether it applied one. Applied
// are the fields that it owns.
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
	case field == "serverDnsNames": // a spec omits an empty list
		return []any{}, true
	}
	return map[string]any{}, true
}

// Fault is an error of the API server about a field of a GatewayTenant.
type Fault struct{ Field, Message string }

// WithoutFaults returns the work without the independent fields that the API server rejects, and reports whether the rest can
// be applied to the existing GatewayTenant. The tenant is nil if none exists.
func (w Work) WithoutFaults(tenant *v1alpha1.GatewayTenant, faults []Fault) (Work, bool) {
	if tenant == nil || !w.bridged && !Bridged(tenant) || len(faults) == 0 {
		return w, false
	}
	var fields, messages []string
	for _, fault := range faults {
		field := entries.IndependentField(fault.Field, "spec.")
		if field == "" || slices.Contains(w.Kept, field) {
			return w, false
		}
		if !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
		path := "gateway." + strings.TrimPrefix(fault.Field, "spec.")
		messages = append(messages, fmt.Sprintf("line %d: %s: %s; correct it", w.LineOf(field), path, fault.Message))
	}
	w.Entry = keeping(w.Entry, tenant, fields...)
	w.refuse(strings.Join(messages, "; "))
	return w, true
}

// classChange returns why the storage class of an entry's volume is rejected. It is empty if it is not.
func classChange(entry entries.Entry, tenant *v1alpha1.GatewayTenant) string {
	const field = "gateway.storage.storageClassName"
	storage, _ := entry.Spec["storage"].(map[string]any)
	is, given := storage["storageClassName"].(string)
	was := tenant.Spec.Storage.StorageClassName
	line := entry.LineOf("storage")
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
