package apply

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/merge"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// Preview describes what applying an object would do to the existing one.
type Preview struct {
	// Object is the object after the apply.
	Object *unstructured.Unstructured
	// Fields lists the paths that would be added, changed or removed, sorted. The applied hash is not among them.
	Fields []string
}

// Preview computes, without a request, what comparing and applying desired would do to live, which is nil if the object does
// not exist. It takes over fields of other managers as Compare does, and merges and prunes as an API server does. Neither
// object is modified.
func (c *Comparer) Preview(desired, live *unstructured.Unstructured) (Preview, error) {
	if live == nil {
		return Preview{Object: desired.DeepCopy()}, nil
	}
	types, err := c.fields.schemaOf(desired.GroupVersionKind())
	if err != nil {
		return Preview{}, err
	}
	if hash := AppliedHash(live); hash != "" { // The apply writes another one, which is not a change that counts.
		desired = withHash(desired, hash)
	}
	entries := live.GetManagedFields()
	if c.exclusive {
		takeover, err := c.fields.takeover(desired, live, live)
		if err != nil {
			return Preview{}, err
		}
		if takeover != nil {
			entries = takeover
		}
	}
	managers, err := c.fields.managers(entries, live)
	if err != nil {
		return Preview{}, err
	}
	before, err := types.FromUnstructured(withoutManagedFields(live), typed.AllowDuplicates)
	if err != nil {
		return Preview{}, fmt.Errorf("fields of %s: %w", Describe(live), err)
	}
	config, err := types.FromUnstructured(desired.Object)
	if err != nil {
		return Preview{}, fmt.Errorf("fields of %s: %w", Describe(desired), err)
	}
	updater := (&merge.UpdaterBuilder{Converter: sameVersion{}, ReturnInputOnNoop: true}).BuildUpdater()
	after, _, err := updater.Apply(before, config, fieldpath.APIVersion(desired.GetAPIVersion()), managers, c.fields.owner, true)
	if err != nil {
		return Preview{}, fmt.Errorf("merging %s: %w", Describe(desired), err)
	}
	content, is := after.AsValue().Unstructured().(map[string]any)
	if !is {
		return Preview{}, fmt.Errorf("merging %s: the result is not an object", Describe(desired))
	}
	object := &unstructured.Unstructured{Object: content}
	compared, err := compare(types, live, object, c.fields.scheme)
	if err != nil {
		return Preview{}, fmt.Errorf("comparing %s: %w", Describe(desired), err)
	}
	return Preview{Object: object, Fields: paths(compared)}, nil
}

// managers decodes managedFields of live. The key of what we applied is the owner.
func (o *ownership) managers(entries []metav1.ManagedFieldsEntry, live metav1.Object) (fieldpath.ManagedFields, error) {
	managers := fieldpath.ManagedFields{}
	for i, entry := range entries {
		if entry.FieldsV1 == nil {
			continue
		}
		set, err := decodeFields(entry, live)
		if err != nil {
			return nil, err
		}
		key := fmt.Sprintf("%d: %s", i, entry.Manager)
		if o.isOurs(entry) {
			key = o.owner
		}
		managers[key] = fieldpath.NewVersionedSet(set, fieldpath.APIVersion(entry.APIVersion), entry.Operation == metav1.ManagedFieldsOperationApply)
	}
	return managers, nil
}

// sameVersion treats the objects of all API versions as if they had the same fields.
type sameVersion struct{}

func (sameVersion) Convert(object *typed.TypedValue, _ fieldpath.APIVersion) (*typed.TypedValue, error) {
	return object, nil
}

func (sameVersion) IsMissingVersionError(error) bool { return false }

// compare finds the fields that differ once both objects are as an API server stores them: without values that equal the
// absence of a value, such as hostNetwork: false.
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
		if stored[i], err = types.FromUnstructured(content, typed.AllowDuplicates); err != nil {
			return nil, err
		}
	}
	return stored[0].Compare(stored[1])
}

func withoutManagedFields(object *unstructured.Unstructured) map[string]any {
	content := runtime.DeepCopyJSON(object.Object)
	unstructured.RemoveNestedField(content, "metadata", "managedFields")
	return content
}

// paths returns the changed fields as users write them. An item that is added or removed as a whole is listed without its
// fields.
func paths(compared *typed.Comparison) []string {
	all := compared.Modified.Union(compared.Added).Union(compared.Removed)
	var found []string
	for path := range all.All() {
		part := false
		for i := 1; i < len(path) && !part; i++ {
			part = all.Has(path[:i])
		}
		if !part {
			found = append(found, strings.TrimPrefix(path.String(), "."))
		}
	}
	slices.Sort(found)
	return found
}
