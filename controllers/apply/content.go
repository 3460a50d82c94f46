package apply

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// differingFields returns the fields of desired, and those that the owner owns, whose values in content are not the desired ones.
func (o *ownership) differingFields(desired *unstructured.Unstructured, live metav1.Object, content *unstructured.Unstructured) (*fieldpath.Set, error) {
	fields, err := o.fieldsOf(desired)
	if err != nil {
		return nil, err
	}
	if owned, err := o.ownedFields(live); err == nil && owned != nil {
		fields = fields.Union(owned)
	}
	_, want, err := o.stored(desired)
	if err != nil {
		return nil, err
	}
	_, is, err := o.stored(content)
	if err != nil {
		return nil, err
	}
	wanted := map[string]any{}
	walk(fields, nil, want, func(path fieldpath.Path, value any) { wanted[path.String()] = value })
	differing := fieldpath.NewSet()
	walk(fields, nil, is, func(path fieldpath.Path, value any) {
		if !equality.Semantic.DeepEqual(wanted[path.String()], value) {
			differing.Insert(path.Copy())
		}
	})
	return differing, nil
}

// stored returns an object as an API server stores it, and its content: without values that equal the absence of a value, and with
// quantities in their canonical form.
func (o *ownership) stored(object *unstructured.Unstructured) (metav1.Object, map[string]any, error) {
	typed, err := o.scheme.New(object.GroupVersionKind())
	if err != nil {
		return nil, nil, err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
		return nil, nil, fmt.Errorf("values of %s: %w", Describe(object), err)
	}
	content, err := contentOf(typed)
	live, _ := typed.(metav1.Object)
	return live, content, err
}

// contentOf returns the content of a typed object without its managedFields.
func contentOf(object runtime.Object) (map[string]any, error) {
	live, is := object.(metav1.Object)
	if !is {
		return nil, fmt.Errorf("%T is not an object", object)
	}
	entries := live.GetManagedFields()
	live.SetManagedFields(nil)
	defer live.SetManagedFields(entries)
	return runtime.DefaultUnstructuredConverter.ToUnstructured(object)
}
