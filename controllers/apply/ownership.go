package apply

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// ownership answers from managedFields whether every field that we set is still ours. Whoever changes a field of ours
// takes it from us there, so no value needs to be compared, and defaults of the server do not disturb.
type ownership struct {
	owner  string
	scheme *runtime.Scheme
	known  sync.Map // by kind, its schema: finding it takes longer than to use it
}

func newOwnership(scheme *runtime.Scheme, owner string) *ownership {
	return &ownership{owner: owner, scheme: scheme}
}

// holdsAll tells whether live's managedFields give us every field of desired.
func (o *ownership) holdsAll(desired *unstructured.Unstructured, live metav1.Object) (bool, error) {
	owned, err := o.owned(live)
	if err != nil || owned == nil {
		return false, err
	}
	wanted, err := o.fieldsOf(desired)
	if err != nil {
		return false, err
	}
	return wanted.Leaves().Difference(owned).Empty(), nil
}

// owned is the set of fields that live's managedFields give us, nil if we are not there.
func (o *ownership) owned(live metav1.Object) (*fieldpath.Set, error) {
	for _, entry := range live.GetManagedFields() {
		if !o.ours(entry) {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(rawFields(entry, live)); err != nil {
			return nil, fmt.Errorf("managedFields of %s/%s: %w", live.GetNamespace(), live.GetName(), err)
		}
		return set, nil
	}
	return nil, nil
}

// AppliedBy reports whether owner has applied live.
func AppliedBy(live metav1.Object, owner string) bool {
	return slices.ContainsFunc(live.GetManagedFields(), (&ownership{owner: owner}).ours)
}

// ours tells the entry of what we have applied.
func (o *ownership) ours(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == o.owner && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == "" && entry.FieldsV1 != nil
}

// fieldsOf is the set of fields that an object sets, less those that managedFields never mention.
func (o *ownership) fieldsOf(desired *unstructured.Unstructured) (*fieldpath.Set, error) {
	content := maps.Clone(desired.Object)
	delete(content, "apiVersion")
	delete(content, "kind")
	if metadata, ok := content["metadata"].(map[string]any); ok {
		metadata = maps.Clone(metadata)
		delete(metadata, "name")
		delete(metadata, "namespace")
		content["metadata"] = metadata
	}
	parseable, err := o.typeOf(desired.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	value, err := parseable.FromUnstructured(content)
	if err != nil {
		return nil, fmt.Errorf("fields of %s: %w", Describe(desired), err)
	}
	return value.ToFieldSet()
}

// typeOf finds the schema of a kind: Kubernetes' own are built into client-go; for ours, whose lists are all atomic,
// it can be deduced from the value.
func (o *ownership) typeOf(gvk schema.GroupVersionKind) (typed.ParseableType, error) {
	if known, is := o.known.Load(gvk); is {
		return known.(typed.ParseableType), nil
	}
	empty, err := o.scheme.New(gvk)
	if err != nil {
		return typed.ParseableType{}, err
	}
	empty.GetObjectKind().SetGroupVersionKind(gvk)
	found := typed.DeducedParseableType
	if known, err := applyconfigurations.NewTypeConverter(o.scheme).ObjectToTyped(empty); err == nil {
		found = typed.ParseableType{Schema: known.Schema(), TypeRef: known.TypeRef()}
	}
	o.known.Store(gvk, found)
	return found, nil
}
