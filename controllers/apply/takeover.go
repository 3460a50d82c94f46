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
// to it, and so are the lists of a ServiceAccount, which some platforms write to. An apply replaces the subjects of a binding
// anyway. To take them over first would be a write of a binding that has them, which an admission policy may reject.
var adoptedParts = []string{"spec", "data", "binaryData"}

// completedKinds are the kinds whose spec is completed by the cluster.
var completedKinds = []string{"PersistentVolumeClaim"}

// takeover returns live's managedFields after fields of other managers have become the owner's. It returns nil if there is
// nothing to take over. If the content of the object is given, fields that no client may add are found by their values, whichever
// manager owns them. It is nil if only the metadata is known.
func (o *ownership) takeover(desired *unstructured.Unstructured, live metav1.Object, content *unstructured.Unstructured) ([]metav1.ManagedFieldsEntry, error) {
	if content == nil && !slices.ContainsFunc(live.GetManagedFields(), o.isOther) { // the usual case, which needs no decoding
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
	foreign, found := isAdded(desired, wanted), fieldpath.NewSet()
	switch {
	case owned == nil:
		owned = fieldpath.NewSet()
		if !slices.Contains(completedKinds, desired.GetKind()) {
			foreign = inAdoptedPart
		}
	case content != nil:
		all, err := o.allFields(content)
		if err != nil {
			return nil, err
		}
		found = filter(all, foreign)
	}
	entries, taken, err := o.withoutForeign(live, found, foreign)
	if err != nil {
		return nil, err
	}
	found = found.Union(taken)
	if taken.Empty() && found.Difference(owned).Empty() {
		return nil, nil // what is ours already goes with the apply
	}
	ours := metav1.ManagedFieldsEntry{Manager: o.owner, Operation: metav1.ManagedFieldsOperationApply, APIVersion: desired.GetAPIVersion(), FieldsType: "FieldsV1"}
	if err := setFields(&ours, owned.Union(found)); err != nil {
		return nil, err
	}
	return append(entries, ours), nil
}

// withoutForeign returns all entries but the owner's, without the fields that were found and, in those of other managers, without
// foreign ones. It also returns the fields that it left out.
func (o *ownership) withoutForeign(live metav1.Object, found *fieldpath.Set, foreign func(fieldpath.Path) bool) (entries []metav1.ManagedFieldsEntry, taken *fieldpath.Set, err error) {
	taken = fieldpath.NewSet()
	for _, entry := range live.GetManagedFields() {
		if o.isOurs(entry) {
			continue
		}
		if o.isOther(entry) || !found.Empty() && entry.Subresource == "" && entry.FieldsV1 != nil {
			all, err := decodeFields(entry, live)
			if err != nil {
				return nil, nil, err
			}
			leaving := all.Intersection(found)
			if o.isOther(entry) {
				leaving = leaving.Union(filter(all, foreign))
			}
			left := all.Difference(leaving)
			if taken = taken.Union(leaving); left.Empty() {
				continue
			}
			if err := setFields(&entry, left); err != nil {
				return nil, nil, err
			}
		}
		entries = append(entries, entry)
	}
	return entries, taken, nil
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
