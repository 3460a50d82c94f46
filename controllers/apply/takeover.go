package apply

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Server-side apply removes only fields that the same manager applied before. It keeps an element that another manager
// puts into one of our lists, and everything that an earlier manager of an adopted object set. Both can change what runs,
// or make our next apply invalid. So an exclusive field manager first takes these fields over in managedFields. The next
// apply, which does not mention them, then removes them.

// adoptedParts are the parts of an adopted object of which nothing is kept. Metadata is kept, since every client may write
// to it, and so are the lists of a ServiceAccount, which some platforms write to.
var adoptedParts = []string{"spec", "data", "binaryData", "subjects"}

// completedKinds are the kinds whose spec is completed by the cluster.
var completedKinds = []string{"PersistentVolumeClaim"}

// takeover returns live's managedFields after fields of other managers have become the owner's. It returns nil if there is
// nothing to take over.
func (o *ownership) takeover(desired *unstructured.Unstructured, live metav1.Object) ([]metav1.ManagedFieldsEntry, error) {
	if !slices.ContainsFunc(live.GetManagedFields(), o.isOther) { // the usual case, which needs no decoding
		return nil, nil
	}
	owned, err := o.ownedFields(live)
	if err != nil {
		return nil, err
	}
	wanted, err := o.fieldsOf(desired)
	if err != nil {
		return nil, err
	}
	foreign := foreignElement(wanted)
	if owned == nil {
		owned = fieldpath.NewSet()
		if !slices.Contains(completedKinds, desired.GetKind()) {
			foreign = inAdoptedPart
		}
	}
	var entries []metav1.ManagedFieldsEntry
	found := fieldpath.NewSet()
	for _, entry := range live.GetManagedFields() {
		if o.isOurs(entry) {
			continue // It is added again at the end.
		}
		if o.isOther(entry) {
			all, err := decodeFields(entry, live)
			if err != nil {
				return nil, err
			}
			taken := filter(all, foreign)
			left := all.Difference(taken)
			if found = found.Union(taken); left.Empty() {
				continue
			}
			if err := setFields(&entry, left); err != nil {
				return nil, err
			}
		}
		entries = append(entries, entry)
	}
	if found.Empty() {
		return nil, nil
	}
	ours := metav1.ManagedFieldsEntry{Manager: o.owner, Operation: metav1.ManagedFieldsOperationApply, APIVersion: desired.GetAPIVersion(), FieldsType: "FieldsV1"}
	if err := setFields(&ours, owned.Union(found)); err != nil {
		return nil, err
	}
	return append(entries, ours), nil
}

func setFields(entry *metav1.ManagedFieldsEntry, set *fieldpath.Set) error {
	text, err := set.ToJSON()
	if err != nil {
		return err
	}
	entry.FieldsV1 = metav1.NewFieldsV1(string(text))
	return nil
}

// filter returns the fields that match.
func filter(all *fieldpath.Set, matches func(fieldpath.Path) bool) *fieldpath.Set {
	matching := fieldpath.NewSet()
	for path := range all.All() {
		if matches(path) {
			matching.Insert(path.Copy())
		}
	}
	return matching
}

// inAdoptedPart reports whether a field is in a part of which an adopted object keeps nothing.
func inAdoptedPart(path fieldpath.Path) bool {
	return len(path) > 0 && path[0].FieldName != nil && slices.Contains(adoptedParts, *path[0].FieldName)
}

// foreignElement returns a function that reports whether a field is in an element that another manager added to a list of
// the spec.
func foreignElement(wanted *fieldpath.Set) func(fieldpath.Path) bool {
	return func(path fieldpath.Path) bool {
		if len(path) == 0 || path[0].FieldName == nil || *path[0].FieldName != "spec" {
			return false
		}
		for i, step := range path {
			if (step.Key != nil || step.Value != nil) && !wanted.Has(path[:i+1]) {
				return true
			}
		}
		return false
	}
}
