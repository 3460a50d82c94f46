package plan

import (
	"encoding/json"
	"reflect"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
)

// Differs reports whether an existing GatewayTenant has other values than the work sets, or fields that the bridge applied and
// that the work does not set. It compares values, because a tenant can forge the applied hash and managedFields, and can write
// under the bridge's name.
func (w Work) Differs(tenant *v1alpha1.GatewayTenant) bool {
	desired := w.Tenant()
	for key, value := range desired.GetLabels() {
		if tenant.Labels[key] != value {
			return true
		}
	}
	for key, value := range desired.GetAnnotations() {
		if tenant.Annotations[key] != value {
			return true
		}
	}
	var spec v1alpha1.GatewayTenantSpec
	if fromJSON(w.Spec, &spec) != nil {
		return true // the API server says why it rejects it
	}
	var wanted, live map[string]any
	if fromJSON(spec, &wanted) != nil || fromJSON(tenant.Spec, &live) != nil {
		return true
	}
	return !holds(live, w.Spec, wanted) || appliesMore(fieldsOf(tenant), desired.Object)
}

// fromJSON decodes the JSON of a value.
func fromJSON(value, into any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// holds reports whether live has the value of each field that an entry sets. Both wanted and live are as the API's types represent
// them: without values that equal the absence of a value.
func holds(live, set, wanted map[string]any) bool {
	for key, value := range set {
		if fields, is := value.(map[string]any); is {
			liveFields, _ := live[key].(map[string]any)
			wantedFields, _ := wanted[key].(map[string]any)
			if !holds(liveFields, fields, wantedFields) {
				return false
			}
		} else if !reflect.DeepEqual(live[key], wanted[key]) {
			return false
		}
	}
	return true
}

// appliesMore reports whether fields that the bridge applied contain one that desired does not set.
func appliesMore(applied *fieldpath.Set, desired map[string]any) bool {
	hash := fieldpath.MakePathOrDie("metadata", "annotations", apply.AnnotationHash)
	more := false
	for path := range applied.Leaves().All() { // no early return: the iterator does not support it
		more = more || !path.Equals(hash) && !sets(desired, path)
	}
	return more
}

// sets reports whether an object sets a field. All lists of a GatewayTenant are set as a whole.
func sets(object map[string]any, path fieldpath.Path) bool {
	for _, step := range path {
		if step.FieldName == nil {
			return true
		}
		value, has := object[*step.FieldName]
		if !has {
			return false
		}
		fields, is := value.(map[string]any)
		if !is {
			return true
		}
		object = fields
	}
	return true
}
