package apply

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// FuzzOwnershipReadsWhateverIsThere: whatever managedFields say, they are read without harm, and what is made of them can
// be read again and leaves nothing of others in the way.
func FuzzOwnershipReadsWhateverIsThere(f *testing.F) {
	for _, fields := range []string{
		`{"f:spec":{"f:ports":{"k:{\"port\":99,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}}`,
		`{"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:selector":{},"f:type":{}}}`,
		`{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"b\"}":{".":{},"f:image":{}}}}}}}`,
		`{"v:1":{},"i:0":{},"f:":{}}`, `{}`, `null`, `[`, ``,
	} {
		f.Add(fields, fields)
		f.Add(`{"f:spec":{"f:ports":{}}}`, fields)
	}
	fields := newOwnership(clientgoscheme.Scheme, "us")
	desired := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "a", "namespace": "b", "labels": map[string]any{"c": "d"}},
		"spec": map[string]any{"selector": map[string]any{"e": "f"}, "ports": []any{map[string]any{"name": "grpc", "port": int64(8080), "protocol": "TCP"}}},
	}}
	f.Fuzz(func(t *testing.T, ours, theirs string) {
		live := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "b", ManagedFields: []metav1.ManagedFieldsEntry{
			{Manager: "us", Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(ours)},
			{Manager: "them", Operation: metav1.ManagedFieldsOperationUpdate, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(theirs)},
		}}}
		if lost, err := fields.lostFields(desired, live); err == nil { // an error is an answer
			_ = fields.conflictingManagers(lost, live)
		}
		service := &corev1.Service{ObjectMeta: *live.ObjectMeta.DeepCopy()}
		(&Digester{fields}).Add(service)
		if _, ok := recordedDigests(service); !ok {
			t.Error("the object has no digest")
		}
		entries, err := fields.takeover(desired, live, nil)
		if err != nil || entries == nil {
			return
		}
		for _, entry := range entries {
			if err := new(fieldpath.Set).FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
				t.Fatalf("what is made of %s and %s cannot be read: %v", ours, theirs, err)
			}
		}
		live.ManagedFields = entries
		if again, err := fields.takeover(desired, live, nil); err != nil || again != nil {
			t.Errorf("of %s and %s something is left in the way: %v (%v)", ours, theirs, again, err)
		}
	})
}
