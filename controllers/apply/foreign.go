package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Server-side apply leaves alone what it does not know of: an element that somebody puts into a list of ours, and all
// that a former manager of an adopted object had set. Both can change what runs, or make our next apply impossible. So
// these fields become ours in managedFields first: then the next apply, which does not mention them, removes them.

// whole are the parts of an object that an adopted one keeps nothing of. Metadata is everybody's, and the lists of a
// ServiceAccount are some platforms'.
var whole = []string{"spec", "data", "binaryData", "subjects"}

// filledIn are kinds whose spec the cluster itself completes.
var filledIn = []string{"PersistentVolumeClaim"}

// takeOver writes managedFields in which fields of other managers are ours. The same write removes the hash: if the apply
// that follows fails, the next comparison must find that it is still needed.
func (a *Applier) takeOver(ctx context.Context, desired *unstructured.Unstructured, live metav1.Object, entries []metav1.ManagedFieldsEntry) error {
	operations := []map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": entries},
		{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
	}
	if AppliedHash(live) != "" {
		operations = append(operations, map[string]any{"op": "remove", "path": "/metadata/annotations/" + strings.ReplaceAll(AnnotationHash, "/", "~1")})
	}
	patch, err := json.Marshal(operations)
	if err != nil {
		return err
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(desired.GroupVersionKind())
	object.Namespace, object.Name = desired.GetNamespace(), desired.GetName()
	if err := a.client.Patch(ctx, object, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("taking over the fields of others on %s: %w", Describe(desired), err)
	}
	return nil
}

// withoutForeign are live's managedFields with what is in the way made ours; nil: nothing is.
func (o *ownership) withoutForeign(desired *unstructured.Unstructured, live metav1.Object) ([]metav1.ManagedFieldsEntry, error) {
	if !slices.ContainsFunc(live.GetManagedFields(), o.others) { // the usual case: nothing has to be worked out
		return nil, nil
	}
	owned, err := o.owned(live)
	if err != nil {
		return nil, err
	}
	wanted, err := o.fieldsOf(desired)
	if err != nil {
		return nil, err
	}
	inTheWay := foreignElement(wanted)
	if owned == nil {
		owned = fieldpath.NewSet()
		if !slices.Contains(filledIn, desired.GetKind()) {
			inTheWay = adopted
		}
	}
	var entries []metav1.ManagedFieldsEntry
	found := fieldpath.NewSet()
	for _, entry := range live.GetManagedFields() {
		if o.ours(entry) {
			continue // comes last, anew
		}
		if o.others(entry) {
			taken, left, err := split(entry, inTheWay)
			if err != nil {
				return nil, fmt.Errorf("managedFields of %s: %w", Describe(desired), err)
			}
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

// others tells the entries of other managers. What a webhook adds to what we send is in one of our name, and stays: it
// would be added again each time. Status is not ours.
func (o *ownership) others(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager != o.owner && entry.Subresource == "" && entry.FieldsV1 != nil
}

// split parts the fields of an entry into those that are in the way and those that are not.
func split(entry metav1.ManagedFieldsEntry, inTheWay func(fieldpath.Path) bool) (taken, left *fieldpath.Set, err error) {
	all, taken := &fieldpath.Set{}, fieldpath.NewSet()
	if err := all.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
		return nil, nil, err
	}
	for path := range all.All() {
		if inTheWay(path) {
			taken.Insert(path.Copy())
		}
	}
	return taken, all.Difference(taken), nil
}

// thieves are the managers that have taken fields of ours on an object that we have applied as it is wanted.
func (o *ownership) thieves(desired *unstructured.Unstructured, live metav1.Object) []string {
	if AppliedHash(live) != AppliedHash(desired) {
		return nil // we want something else than last time
	}
	wanted, err := o.fieldsOf(desired)
	if err != nil {
		return nil
	}
	var managers []string
	for _, entry := range live.GetManagedFields() {
		if !o.others(entry) || slices.Contains(managers, entry.Manager) {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err == nil && !set.Intersection(wanted.Leaves()).Empty() {
			managers = append(managers, entry.Manager)
		}
	}
	return managers
}

func setFields(entry *metav1.ManagedFieldsEntry, set *fieldpath.Set) error {
	text, err := set.ToJSON()
	if err != nil {
		return err
	}
	entry.FieldsV1 = metav1.NewFieldsV1(string(text))
	return nil
}

// adopted tells the fields that an adopted object does not keep.
func adopted(path fieldpath.Path) bool {
	return len(path) > 0 && path[0].FieldName != nil && slices.Contains(whole, *path[0].FieldName)
}

// foreignElement tells the fields of elements that others have put into lists of the spec.
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
