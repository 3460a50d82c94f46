package apply

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/applyconfigurations"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// AppliedBy reports whether owner has applied live.
func AppliedBy(live metav1.Object, owner string) bool {
	return slices.ContainsFunc(live.GetManagedFields(), (&ownership{owner: owner}).isOurs)
}

// OwnsHash reports whether owner wrote the hash on live, rather than another manager.
func OwnsHash(live metav1.Object, owner string) bool {
	return Owns(live, owner, "metadata", "annotations", AnnotationHash)
}

// Owns reports whether owner applied the value of a field of live, and no other manager has changed it since.
func Owns(live metav1.Object, owner string, path ...any) bool {
	owned, err := (&ownership{owner: owner}).ownedFields(live)
	return err == nil && owned != nil && owned.Has(fieldpath.MakePathOrDie(path...))
}

// AppliedAt returns when owner last changed live by an apply. It is zero if owner has not, or if live is from a cache that does not keep
// the time.
func AppliedAt(live metav1.Object, owner string) metav1.Time {
	for _, entry := range live.GetManagedFields() {
		if (&ownership{owner: owner}).isOurs(entry) && entry.Time != nil {
			return *entry.Time
		}
	}
	return metav1.Time{}
}

// ownership reads managedFields on behalf of a field manager, its owner. A manager that changes a field of another one
// takes it over in managedFields, so the defaults of the API server do not have to be compared.
type ownership struct {
	owner   string
	scheme  *runtime.Scheme
	schemas sync.Map // from GroupVersionKind to typed.ParseableType: to find a schema takes longer than to use it
	parsed  parsedSets
}

func newOwnership(scheme *runtime.Scheme, owner string) *ownership {
	return &ownership{owner: owner, scheme: scheme}
}

// isOurs reports whether an entry is of what the owner applied.
func (o *ownership) isOurs(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == o.owner && entry.Operation == metav1.ManagedFieldsOperationApply && entry.Subresource == "" && entry.FieldsV1 != nil
}

// isOther reports whether an entry is another manager's. Status does not count. What a webhook adds to an apply is in an
// entry of the owner's name and must stay, since it would be added again each time.
func (o *ownership) isOther(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager != o.owner && entry.Subresource == "" && entry.FieldsV1 != nil
}

// hasController reports whether live has the controller of desired, with the same values. Other owners are not compared.
func hasController(desired, live metav1.Object) bool {
	controller := metav1.GetControllerOf(desired)
	return controller == nil || equality.Semantic.DeepEqual(controller, metav1.GetControllerOf(live))
}

// ownedFields returns the fields of live that the owner applied. It is nil if the owner has applied nothing.
func (o *ownership) ownedFields(live metav1.Object) (*fieldpath.Set, error) {
	i := slices.IndexFunc(live.GetManagedFields(), o.isOurs)
	if i < 0 {
		return nil, nil
	}
	return decodeFields(live.GetManagedFields()[i], live)
}

// lostFields returns the fields of desired that live's managedFields do not give to the owner. A manager that only shares a field
// with the owner has not changed it.
func (o *ownership) lostFields(desired *unstructured.Unstructured, live metav1.Object) (*fieldpath.Set, error) {
	wanted, err := o.fieldsOf(desired)
	if err != nil {
		return nil, err
	}
	lost := wanted.Leaves()
	owned, err := o.ownedFields(live)
	if err != nil || owned == nil {
		return lost, err
	}
	return lost.Difference(owned), nil
}

// conflictingManagers returns the managers that own fields which the owner has lost. If there are none, another client has rewritten
// managedFields, and it returns the manager that wrote last.
func (o *ownership) conflictingManagers(lost *fieldpath.Set, live metav1.Object) []string {
	var managers []string
	for _, entry := range live.GetManagedFields() {
		if !o.isOther(entry) || slices.Contains(managers, entry.Manager) {
			continue
		}
		if set, err := decodeFields(entry, live); err == nil && !set.Intersection(lost).Empty() {
			managers = append(managers, entry.Manager)
		}
	}
	if last := LastManager(live, o.owner); len(managers) == 0 && last != "" {
		managers = []string{last}
	}
	return managers
}

// fieldsOf returns the fields that an object sets, without those that managedFields never mention.
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
	parseable, err := o.schemaOf(desired.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	value, err := parseable.FromUnstructured(content)
	if err != nil {
		return nil, fmt.Errorf("fields of %s: %w", Describe(desired), err)
	}
	return value.ToFieldSet()
}

// allFields returns all fields of the spec of an object that was read from an API server.
func (o *ownership) allFields(content *unstructured.Unstructured) (*fieldpath.Set, error) {
	parseable, err := o.schemaOf(content.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	spec, has := content.Object["spec"]
	if !has {
		return fieldpath.NewSet(), nil
	}
	value, err := parseable.FromUnstructured(map[string]any{"spec": spec}, typed.AllowDuplicates)
	if err != nil {
		return nil, fmt.Errorf("fields of %s: %w", Describe(content), err)
	}
	return value.ToFieldSet()
}

// schemaOf returns the schema of a kind. The schemas of Kubernetes' own kinds are built into client-go. For other kinds,
// whose lists are all atomic, the schema is deduced from the value.
func (o *ownership) schemaOf(gvk schema.GroupVersionKind) (typed.ParseableType, error) {
	if known, is := o.schemas.Load(gvk); is {
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
	o.schemas.Store(gvk, found)
	return found, nil
}

// ownerPlaceholder stands for the uid of an object's first owner in a compacted set of fields. It occurs in no JSON.
var ownerPlaceholder = []byte{0}

// decodeFields returns the fields of an entry of live's managedFields, which may be compacted.
func decodeFields(entry metav1.ManagedFieldsEntry, live metav1.Object) (*fieldpath.Set, error) {
	raw := entry.FieldsV1.GetRawBytes()
	if bytes.Contains(raw, ownerPlaceholder) {
		raw = bytes.ReplaceAll(raw, ownerPlaceholder, []byte(firstOwnerUID(live)))
	}
	set := &fieldpath.Set{}
	if err := set.FromJSON(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("managedFields of %s/%s: %w", live.GetNamespace(), live.GetName(), err)
	}
	return set, nil
}

func firstOwnerUID(object metav1.Object) types.UID {
	if owners := object.GetOwnerReferences(); len(owners) > 0 {
		return owners[0].UID
	}
	return ""
}
