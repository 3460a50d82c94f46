package namedcache

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func applied(fields string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m", FieldsV1: metav1.NewFieldsV1(fields)}}}}
}

// TestEqualFieldSetsAreKeptOnce: and different ones are not mixed up, however many there are.
func TestEqualFieldSetsAreKeptOnce(t *testing.T) {
	keep := func(fields string) *metav1.FieldsV1 {
		object, err := Lean(nil)(applied(fields))
		if err != nil {
			t.Fatal(err)
		}
		return object.(*corev1.Service).ManagedFields[0].FieldsV1
	}
	one := keep(`{"f:spec":{}}`)
	if another := keep(`{"f:spec":{}}`); another != one {
		t.Error("equal sets are kept twice")
	}
	for i := range 2 * mostFieldSets {
		fields := fmt.Sprintf(`{"f:%d":{}}`, i)
		if is := keep(fields).GetRawString(); is != fields {
			t.Fatalf("%s became %s", fields, is)
		}
	}
	if kept := len(fieldSets.known); kept > mostFieldSets {
		t.Errorf("%d are kept, more than %d", kept, mostFieldSets)
	}
	if is := one.GetRawString(); is != `{"f:spec":{}}` {
		t.Errorf("the first became %s", is)
	}
}

// TestWhatIsNoObjectIsLeftAlone: caches also pass on what they know only the key of.
func TestWhatIsNoObjectIsLeftAlone(t *testing.T) {
	if is, err := Lean(nil)("a/b"); is != "a/b" || err != nil {
		t.Errorf("%v, %v", is, err)
	}
}
