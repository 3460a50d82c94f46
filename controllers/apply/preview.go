package apply

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// Preview is what applying an object would do to the one that is there.
type Preview struct {
	// Object is what it would be.
	Object *unstructured.Unstructured
	// Fields are the paths that would be added, changed or removed, sorted; the hash that Apply writes is none of them.
	Fields []string
}

// PreviewOf finds out, without a request, what it would do to live (nil: absent) that owner applies desired: what desired
// sets is set, and what owner applied before, desired no longer sets and nobody else has set goes. Neither is modified.
func PreviewOf(desired, live *unstructured.Unstructured, owner string, scheme *runtime.Scheme) (Preview, error) {
	if live == nil {
		return Preview{Object: desired.DeepCopy()}, nil
	}
	fields := newOwnership(scheme, owner)
	types, err := fields.typeOf(desired.GroupVersionKind())
	if err != nil {
		return Preview{}, err
	}
	stamped, _, err := stamp(desired) // the hash stays ours; that it is another is no change of anything
	if err != nil {
		return Preview{}, err
	}
	wanted, err := fields.fieldsOf(stamped)
	if err != nil {
		return Preview{}, err
	}
	before, err := types.FromUnstructured(withoutManagedFields(live))
	if err != nil {
		return Preview{}, fmt.Errorf("fields of %s: %w", Describe(live), err)
	}
	given, err := types.FromUnstructured(desired.Object)
	if err != nil {
		return Preview{}, fmt.Errorf("fields of %s: %w", Describe(desired), err)
	}
	after, err := before.Merge(given)
	if err != nil {
		return Preview{}, fmt.Errorf("merging %s: %w", Describe(desired), err)
	}
	dropped, err := fields.dropped(wanted, live)
	if err != nil {
		return Preview{}, err
	}
	content, is := after.RemoveItems(dropped).AsValue().Unstructured().(map[string]any)
	if !is {
		return Preview{}, fmt.Errorf("merging %s: the result is no object", Describe(desired))
	}
	object := &unstructured.Unstructured{Object: content}
	compared, err := compare(types, live, object, scheme)
	if err != nil {
		return Preview{}, fmt.Errorf("comparing %s: %w", Describe(desired), err)
	}
	return Preview{Object: object, Fields: paths(compared)}, nil
}

// compare finds the fields that differ once both objects are as an API server stores them: it leaves out a value that says
// what no value says, such as hostNetwork: false.
func compare(types typed.ParseableType, before, after *unstructured.Unstructured, scheme *runtime.Scheme) (*typed.Comparison, error) {
	var stored [2]*typed.TypedValue
	for i, object := range []*unstructured.Unstructured{before, after} {
		into, err := scheme.New(object.GroupVersionKind())
		if err != nil {
			return nil, err
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(withoutManagedFields(object), into); err != nil {
			return nil, err
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(into)
		if err != nil {
			return nil, err
		}
		if stored[i], err = types.FromUnstructured(content); err != nil {
			return nil, err
		}
	}
	return stored[0].Compare(stored[1])
}

// dropped is what the owner applied to live, wants no longer, and nobody else has set.
func (o *ownership) dropped(wanted *fieldpath.Set, live metav1.Object) (*fieldpath.Set, error) {
	owned, err := o.owned(live)
	if err != nil || owned == nil {
		return fieldpath.NewSet(), err
	}
	dropped := owned.Difference(wanted)
	for _, entry := range live.GetManagedFields() {
		if o.ours(entry) || entry.FieldsV1 == nil {
			continue
		}
		others := &fieldpath.Set{}
		if err := others.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			return nil, fmt.Errorf("managedFields of %s/%s: %w", live.GetNamespace(), live.GetName(), err)
		}
		dropped = dropped.Difference(others)
	}
	return dropped.Leaves(), nil
}

func withoutManagedFields(object *unstructured.Unstructured) map[string]any {
	content := runtime.DeepCopyJSON(object.Object)
	unstructured.RemoveNestedField(content, "metadata", "managedFields")
	return content
}

// paths are the changed fields as people write them. Of an item that is added or removed whole, the item is enough.
func paths(compared *typed.Comparison) []string {
	all := compared.Modified.Union(compared.Added).Union(compared.Removed)
	var found []string
	last := "\x00"
	all.Iterate(func(path fieldpath.Path) {
		text := strings.TrimPrefix(path.String(), ".")
		if strings.HasPrefix(text, last+".") || strings.HasPrefix(text, last+"[") {
			return
		}
		last = text
		found = append(found, text)
	})
	return found
}
