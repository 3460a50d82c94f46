package apply

import (
	"fmt"
	"maps"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// ofTenant is metadata as the API server gives it.
func ofTenant(uid types.UID, entries ...metav1.ManagedFieldsEntry) *metav1.ObjectMeta {
	is, now := true, metav1.Now()
	ours := metav1.ManagedFieldsEntry{
		Manager: "us", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "v1", FieldsType: "FieldsV1", Time: &now,
		FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:metadata":{"f:ownerReferences":{"k:{\"uid\":\"%s\"}":{}}},"f:spec":{"f:type":{}}}`, uid)),
	}
	return &metav1.ObjectMeta{
		Name: "a", Namespace: "of-" + string(uid), ManagedFields: append(entries, ours),
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "x/v1", Kind: "Y", Name: "z", UID: uid, Controller: &is}},
	}
}

func TestCompactLosesNothingOfOurs(t *testing.T) {
	theirs := metav1.ManagedFieldsEntry{
		Manager: "them", Operation: metav1.ManagedFieldsOperationUpdate, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:a":{}}}`),
	}
	compactor, fields := NewCompactor("us"), &ownership{owner: "us"}
	for _, c := range []struct {
		what   string
		object *metav1.ObjectMeta
	}{
		{"one tenant's", ofTenant("11111111-1111-1111-1111-111111111111")},
		{"another's", ofTenant("22222222-2222-2222-2222-222222222222")},
		{"with another's fields", ofTenant("33333333-3333-3333-3333-333333333333", theirs)},
		{"the first again", ofTenant("11111111-1111-1111-1111-111111111111")},
		{"nobody's", &metav1.ObjectMeta{Name: "a", ManagedFields: ofTenant("4", theirs).ManagedFields}},
	} {
		t.Run(c.what, func(t *testing.T) {
			before := c.object.DeepCopy()
			compactor.Compact(c.object)
			was, errWas := fields.ownedFields(before)
			is, errIs := fields.ownedFields(c.object)
			if errWas != nil || errIs != nil || !was.Equals(is) || !is.Has(fieldpath.MakePathOrDie("spec", "type")) {
				t.Errorf("ours were %v (%v) and are %v (%v)", was, errWas, is, errIs)
			}
			after := c.object.DeepCopy() // what it has is shared
			for _, object := range []*metav1.ObjectMeta{before, after} {
				last := len(object.ManagedFields) - 1
				object.ManagedFields[last].Time, object.ManagedFields[last].FieldsV1 = nil, nil
			}
			if !equality.Semantic.DeepEqual(before, after) {
				t.Errorf("%+v became %+v", before, after)
			}
		})
	}
}

func TestCompactSharesWhatIsEqual(t *testing.T) {
	compactor := NewCompactor("us")
	a, b := ofTenant("11111111-1111-1111-1111-111111111111"), ofTenant("22222222-2222-2222-2222-222222222222")
	compactor.Compact(a)
	compactor.Compact(b)
	if &a.ManagedFields[0] != &b.ManagedFields[0] {
		t.Errorf("two tenants have two copies of %s", a.ManagedFields[0].FieldsV1)
	}
	for i := range 100 {
		compactor.Compact(&metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{
			Manager: "us", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:%d":{}}`, i)),
		}}})
	}
	if many := len(compactor.entries); many > maxEntries {
		t.Errorf("it remembers %d sets of fields", many)
	}
}

func TestCompactedHashIsFound(t *testing.T) {
	for _, annotations := range []map[string]string{nil, {AnnotationHash: "a"}, {AnnotationHash: "a", "else": "b"}, {"else": "b"}} {
		object := &metav1.ObjectMeta{Annotations: maps.Clone(annotations)}
		for range 2 { // a resync shows transforms their own results
			CompactHash(object)
			if got := AppliedHash(object); got != annotations[AnnotationHash] || object.Annotations["else"] != annotations["else"] {
				t.Errorf("%v: the hash is %q, and the annotations left are %v", annotations, got, object.Annotations)
			}
		}
		if object.Annotations != nil && annotations["else"] == "" {
			t.Errorf("%v: there is a map for nothing", annotations)
		}
	}
}
