package apply

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

// configMap is what is wanted for a tenant, and what is there once it was applied.
func configMap(t *testing.T, namespace string, uid types.UID, data map[string]any) (wanted, live *unstructured.Unstructured) {
	t.Helper()
	wanted = &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a", "namespace": namespace}, "data": maps.Clone(data),
	}}
	wanted.Object["data"].(map[string]any)["host"] = "a." + namespace + ".svc"
	wanted.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "x/v1", Kind: "Y", Name: "z", UID: uid}})
	live, _, err := addHash(wanted)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for key := range data {
		keys = append(keys, fmt.Sprintf("%q:{}", "f:"+key))
	}
	fields := fmt.Sprintf(`{"f:metadata":{"f:annotations":{%q:{}},"f:ownerReferences":{"k:{\"uid\":\"%s\"}":{}}},"f:data":{%s,"f:host":{}}}`,
		"f:"+AnnotationHash, uid, strings.Join(keys, ","))
	live = live.DeepCopy()
	live.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: "us", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
	}})
	return wanted, live
}

// TestComparisonIsSharedByTenants: it is not repeated for a tenant that differs only in the namespace and the owner's uid,
// but it is for one that differs in anything else.
func TestComparisonIsSharedByTenants(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	comparer := NewComparer(scheme, "us")
	is := func(what string, wanted *unstructured.Unstructured, live metav1.Object, want bool, cached int) {
		t.Helper()
		hashed, text, err := addHash(wanted)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := comparer.unchanged(hashed, text, live); err != nil || got != want || len(comparer.cache.unchanged) != cached {
			t.Errorf("%s: unchanged: %t (%v), want %t; %d comparisons are cached, want %d", what, got, err, want, len(comparer.cache.unchanged), cached)
		}
	}
	const uid, other = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
	taken := func(wanted, live *unstructured.Unstructured) (*unstructured.Unstructured, *unstructured.Unstructured) {
		entry := live.GetManagedFields()[0]
		entry.FieldsV1 = metav1.NewFieldsV1(strings.Replace(entry.FieldsV1.GetRawString(), `,"f:host":{}`, "", 1))
		live.SetManagedFields([]metav1.ManagedFieldsEntry{entry})
		return wanted, live
	}
	app := map[string]any{"app": "x"}
	step := func(what string, want bool, cached int) func(wanted, live *unstructured.Unstructured) {
		return func(wanted, live *unstructured.Unstructured) { t.Helper(); is(what, wanted, live, want, cached) }
	}
	step("the first", true, 1)(configMap(t, "tenant-a", uid, app))
	step("another tenant's", true, 1)(configMap(t, "tenant-b", other, app))
	step("one of which a field was taken", false, 1)(taken(configMap(t, "tenant-b", other, app)))
	step("one with another key", true, 2)(configMap(t, "tenant-b", other, map[string]any{"app": "x", "tenant": "y"}))
	step("one whose namespace is a word of the text", true, 3)(configMap(t, "app", other, app))
	step("one whose namespace is in a key", true, 4)(configMap(t, "tenant-c", other, map[string]any{"tenant-c": "x"}))
	step("one whose namespace is in the same key", true, 4)(configMap(t, "tenant-d", other, map[string]any{"tenant-d": "x"}))
	mixed, owned := configMap(t, "tenant-d", other, map[string]any{"tenant-d": "x"})
	_, another := configMap(t, "tenant-c", other, map[string]any{"tenant-c": "x"})
	owned.SetManagedFields(another.GetManagedFields())
	is("one that has another's namespace in the key", mixed, owned, false, 4)
	wanted, live := configMap(t, "tenant-a", other, app) // as a Compactor leaves it, of a former owner
	owners, entries := live.GetOwnerReferences(), live.GetManagedFields()
	owners[0].UID = uid
	entries[0].FieldsV1 = metav1.NewFieldsV1(strings.ReplaceAll(entries[0].FieldsV1.GetRawString(), other, string(ownerPlaceholder)))
	is("one of a former owner", wanted, &metav1.ObjectMeta{Annotations: live.GetAnnotations(), OwnerReferences: owners, ManagedFields: entries}, false, 4)
	for i := range maxCached + 1 {
		comparer.cache.add(cacheKey{byte(i), byte(i >> 8)})
	}
	if many := len(comparer.cache.unchanged); many > maxCached {
		t.Errorf("%d comparisons are remembered", many)
	}
}
