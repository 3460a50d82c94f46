package apply

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestOnlyWhatDidNotChangeIsKnown: another version of the object, another wish, and a namespace that was given up, are not.
func TestOnlyWhatDidNotChangeIsKnown(t *testing.T) {
	version := func(resourceVersion, hash string) *unstructured.Unstructured {
		object := &unstructured.Unstructured{}
		object.SetKind("ConfigMap")
		object.SetNamespace("a")
		object.SetName("config")
		object.SetResourceVersion(resourceVersion)
		object.SetAnnotations(map[string]string{AnnotationHash: hash})
		return object
	}
	comparer := &Comparer{}
	is := func(live, wanted *unstructured.Unstructured, want bool) {
		t.Helper()
		if got := comparer.known.holds(wanted, live); got != want {
			t.Errorf("version %s, hash %s: %t", live.GetResourceVersion(), wanted.GetAnnotations()[AnnotationHash], got)
		}
	}
	is(version("1", "x"), version("", "x"), false)
	comparer.known.note(version("", "x"), version("1", "x"))
	is(version("1", "x"), version("", "x"), true)
	is(version("2", "x"), version("", "x"), false)
	is(version("1", "x"), version("", "y"), false)
	comparer.Forget("a")
	is(version("1", "x"), version("", "x"), false)
}
