package e2e

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
)

// TestWhatTookAnObjectsPlaceUnseenIsNotOverwritten: a cache may still hold an object of ours that somebody has deleted
// and made another in the place of.
func TestWhatTookAnObjectsPlaceUnseenIsNotOverwritten(t *testing.T) {
	t.Parallel()
	const namespace = "took-the-place"
	cluster.CreateNamespace(t, namespace)
	desired := func(value string) *unstructured.Unstructured {
		object := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"key": value}}}
		object.SetAPIVersion("v1")
		object.SetKind("ConfigMap")
		object.SetNamespace(namespace)
		object.SetName("one")
		return object
	}
	applier := apply.New(admin, apply.NewComparer(admin.Scheme(), "somebody"))
	if err := applier.CompareAndApply(t.Context(), desired("1"), nil); err != nil {
		t.Fatal(err)
	}
	cached := get(t, &corev1.ConfigMap{}, namespace, "one")
	if err := admin.Delete(t.Context(), cached.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	if err := applier.CompareAndApply(t.Context(), desired("2"), cached); !apierrors.IsConflict(err) {
		t.Errorf("where it is gone: %v", err)
	}
	cluster.Create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "one"}, Data: map[string]string{"key": "another's"}})
	if err := applier.CompareAndApply(t.Context(), desired("3"), cached); !apierrors.IsConflict(err) {
		t.Errorf("where another has come: %v", err)
	}
	if is := get(t, &corev1.ConfigMap{}, namespace, "one"); is.Data["key"] != "another's" {
		t.Errorf("it is overwritten: %v", is.Data)
	}
}
